"""What is reported of a scenario while it runs."""

from typing import Any

import pytest

from loadtasks.engine.generator.monitor import Monitor
from loadtasks.engine.generator.progress import Load, Progress, ProgressReporter, merged
from loadtasks.engine.recording.failure import RequestFailure
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.measurement.errors import ErrorCode
from loadtasks.measurement.health import Saturation, SaturationCode, Statistic
from loadtasks.scenarios.load import (
    BroadcastLoad,
    ClosedLoad,
    ConnectionsLoad,
    OpenLoad,
    Stage,
    StagesLoad,
    WorkerStage,
    WorkerStagesLoad,
)
from tests.measurements import histogram

BEGAN = 1000.0
LATE = Saturation(code=SaturationCode.DISPATCH_LAG, observed=0.4, limit=0.1, statistic=Statistic.P99)


class Running:
    """A runner as far as progress is concerned."""

    def __init__(self, expected: int | None = None) -> None:
        self.expected = expected
        self.recorder = Recorder()

    def complete(self, count: int, response_s: float = 0.1) -> None:
        self.recorder.scheduled += count
        for _ in range(count):
            self.recorder.complete(BEGAN, BEGAN, BEGAN + response_s)


def reporting(running: dict[Running, Load]) -> tuple[ProgressReporter, list[Progress]]:
    reported: list[Progress] = []
    return ProgressReporter(running, Monitor(), None, BEGAN, reported.append), reported  # type: ignore[arg-type]


def test_it_is_reported_twice_a_second_with_the_rate_of_the_last() -> None:
    runner = Running(100)
    reporter, reported = reporting({runner: ClosedLoad(workers=1, requests=100)})
    for tick in range(31):
        reporter(BEGAN + tick / 10)
        runner.complete(3 if tick < 20 else 1)
    assert [progress.elapsed_s for progress in reported] == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.5, 3.0])
    assert [progress.rate_per_s for progress in reported] == pytest.approx([30, 30, 30, 30, 20, 10])
    assert [progress.done for progress in reported] == [15, 30, 45, 60, 65, 70]
    assert all(progress.expected == 100 for progress in reported)


@pytest.mark.parametrize(
    ("load", "left_s"),
    [
        (OpenLoad(rate=10.0, duration_s=10), 8),
        (ClosedLoad(workers=1, duration_s=10), 8),
        (ClosedLoad(workers=1, requests=100), 6),
        (ClosedLoad(workers=1, requests=100, max_duration_s=5), 3),
        (StagesLoad(stages=(Stage(rate=10.0, duration_s=4), Stage(rate=0.0, duration_s=5))), 7),
        (WorkerStagesLoad(stages=(WorkerStage(workers=2, duration_s=4),)), 2),
        (BroadcastLoad(listeners=10, events=10, rate=2.0), 3),
        (ConnectionsLoad(connections=100), None),
    ],
)
def test_the_time_left_is_the_profiles_or_what_the_pace_makes_it(load: Load, left_s: float | None) -> None:
    runner = Running(100)
    reporter, reported = reporting({runner: load})
    runner.complete(25)
    reporter.report(BEGAN + 2)
    runner.complete(75)
    reporter.report(BEGAN + 3)
    assert reported[0].left_s == pytest.approx(left_s)
    assert reported[0].share == (None if left_s is None else pytest.approx(2 / (2 + left_s)))
    assert (reported[1].left_s, reported[1].share) == (0.0, 1.0)


def test_before_anything_is_answered_no_pace_is_known() -> None:
    reporter, reported = reporting({Running(100): ClosedLoad(workers=1, requests=100)})
    reporter.report(BEGAN)
    assert (reported[0].left_s, reported[0].rate_per_s, reported[0].share) == (None, 0.0, None)


def test_of_a_mixed_load_all_parts_count() -> None:
    short, long = Running(10), Running(20)
    running: dict[Running, Load] = {short: OpenLoad(rate=1.0, duration_s=10), long: OpenLoad(rate=1.0, duration_s=20)}
    reporter, reported = reporting(running)
    short.complete(4, 0.1)
    long.complete(6, 0.2)
    long.recorder.fail(RequestFailure(ErrorCode.STATUS, "500"), BEGAN, BEGAN, BEGAN)
    long.recorder.drop(BEGAN, BEGAN, "late")
    short.recorder.throttle(BEGAN, BEGAN)
    reporter.report(BEGAN + 1)
    assert (reported[0].done, reported[0].expected, reported[0].left_s) == (13, 30, 19)
    assert (reported[0].failed, reported[0].throttled) == (2, 1)
    assert reported[0].response == histogram([0.1] * 4 + [0.2] * 6 + [0.0])


def test_a_generator_that_is_late_is_reported_while_it_is() -> None:
    runner = Running(100)
    reporter, reported = reporting({runner: OpenLoad(rate=10.0, duration_s=10)})
    runner.recorder.dispatch(0.5)
    reporter.report(BEGAN + 1)
    assert reported[0].saturation[0].code is SaturationCode.DISPATCH_LAG


def made(**changes: Any) -> Progress:
    plausible = {"done": 1234, "expected": 60000, "elapsed_s": 20.0, "left_s": 60.0, "rate_per_s": 400.0}
    nothing = {"response": histogram([]), "failed": 0, "throttled": 0, "saturation": ()}
    return Progress(**(plausible | nothing | changes))


def test_of_several_processes_the_sum_is_reported() -> None:
    one = made(failed=1, throttled=2, response=histogram([0.1] * 3), saturation=(LATE,), left_s=3.0, rate_per_s=100.0)
    two = made(elapsed_s=21.0, response=histogram([0.2] * 5), left_s=5.0, done=1000, rate_per_s=50.0)
    both = merged([two, one])
    assert (both.done, both.expected, both.failed, both.throttled) == (2234, 120000, 1, 2)
    assert (both.elapsed_s, both.left_s, both.rate_per_s) == (21.0, 5.0, 150.0)
    assert both.response == histogram([0.1] * 3 + [0.2] * 5)
    assert both.saturation == (LATE.model_copy(update={"process": 2}),)
    assert merged([one, made(expected=None, left_s=None)]).expected is None
    assert merged([one, made(expected=None, left_s=None)]).left_s is None
