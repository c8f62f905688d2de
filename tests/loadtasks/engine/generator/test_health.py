"""When a load generator is saturated."""

import numpy as np
import pytest

from loadtasks.engine.generator.health import health
from loadtasks.engine.generator.monitor import GeneratorObservation
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.measurement.health import Calibration, SaturationCode, Statistic
from tests.measurements import histogram

QUIET = histogram([0.0001] * 100)
CALIBRATION = Calibration(ceiling_per_s=60_000, jitter_p99_s=0.0001)


def seen(*, cpu_share: float = 0.2, elapsed_s: float = 10.0, lags_s: list[float] | None = None) -> GeneratorObservation:
    return GeneratorObservation(elapsed_s, cpu_share * elapsed_s, histogram(lags_s) if lags_s else QUIET)


def recorder(*, response_s: float = 0.05, dispatched_late_s: float = 0.0) -> Recorder:
    made = Recorder()
    for n in range(100):
        made.scheduled += 1
        made.dispatch(dispatched_late_s)
        made.complete_response(due=n, sent=n, first_byte=n + response_s, end=n + response_s)
    return made


def test_a_quiet_generator_is_healthy() -> None:
    found = health([(seen(), recorder())], CALIBRATION)
    assert found.saturation == []
    assert found.cpu_share == pytest.approx(0.2)
    assert found.loop_lag_p99_s == pytest.approx(0.0001, rel=0.01)
    assert found.sent_per_s == pytest.approx(1.0)
    assert found.calibration == CALIBRATION


@pytest.mark.parametrize(
    ("observation", "dispatched_late_s", "code", "statistic", "observed", "limit"),
    [
        (seen(lags_s=[0.0] * 90 + [0.2] * 10), 0.0, SaturationCode.LOOP_LAG, Statistic.P99, 0.2, 0.1),
        (seen(lags_s=[0.015] * 100), 0.0, SaturationCode.LOOP_LAG, Statistic.MEDIAN, 0.015, 0.01),
        (seen(cpu_share=0.97), 0.0, SaturationCode.CPU, None, 0.97, 0.9),
        (seen(), 0.4, SaturationCode.DISPATCH_LAG, Statistic.P99, 0.4, 0.1),
        (seen(), 0.02, SaturationCode.DISPATCH_LAG, Statistic.MEDIAN, 0.02, 0.01),
    ],
)
def test_what_saturates_it(
    observation: GeneratorObservation,
    dispatched_late_s: float,
    code: SaturationCode,
    statistic: Statistic | None,
    observed: float,
    limit: float,
) -> None:
    (found,) = health([(observation, recorder(dispatched_late_s=dispatched_late_s))], CALIBRATION).saturation
    assert (found.code, found.statistic) == (code, statistic)
    assert (found.observed, found.limit) == (pytest.approx(observed, rel=0.01), pytest.approx(limit, rel=0.01))
    rates = (None, None) if code is SaturationCode.LOOP_LAG else (pytest.approx(1.0), 60_000)
    assert (found.sent_per_s, found.ceiling_per_s, found.process) == (*rates, None)


@pytest.mark.parametrize(
    ("observation", "dispatched_late_s", "response_s"),
    [
        (seen(lags_s=[0.0] * 995 + [0.3] * 5), 0.0, 0.05),  # a few hiccups
        (seen(lags_s=[0.0019] * 100), 0.0, 0.0005),  # as on a busy machine
        (seen(lags_s=[0.02] * 10), 0.0, 0.05),  # too few for a median
        (seen(lags_s=[0.015] * 100), 0.015, 0.1),  # little, compared with what is measured
        (seen(cpu_share=0.97, elapsed_s=0.5), 0.0, 0.05),  # too short
    ],
)
def test_what_does_not_saturate_it(
    observation: GeneratorObservation, dispatched_late_s: float, response_s: float
) -> None:
    found = health([(observation, recorder(response_s=response_s, dispatched_late_s=dispatched_late_s))], CALIBRATION)
    assert found.saturation == []


def test_of_several_processes_each_has_to_be_healthy() -> None:
    idle, busy = seen(cpu_share=0.1), seen(cpu_share=0.95, lags_s=[0.0] * 50 + [0.5] * 50)
    found = health([(idle, recorder()), (busy, recorder())], None)
    assert found.cpu_share == pytest.approx(0.95)
    assert np.isclose(found.loop_lag_max_s, 0.5, rtol=0.01)
    assert [(saturation.code, saturation.process) for saturation in found.saturation] == [
        (SaturationCode.CPU, 2),
        (SaturationCode.LOOP_LAG, 2),
    ]
