"""Why a measurement can't be trusted, in words."""

import pytest

from loadtasks.measurement.health import Saturation, SaturationCode, Statistic
from loadtasks.report.sentences.validity import saturation_sentence


@pytest.mark.parametrize(
    ("saturation", "sentence"),
    [
        (
            Saturation(
                code=SaturationCode.CPU, observed=0.97, limit=0.9, sent_per_s=1_234.4, ceiling_per_s=60_000, process=2
            ),
            "process 2: the load generator used 97% of a core (limit 90%) at 1,234 requests/s (its calibrated maximum "
            "is 60,000/s): it was saturated, so the times are its own and not the target's; lower the load",
        ),
        (
            Saturation(
                code=SaturationCode.DISPATCH_LAG, observed=0.02, limit=0.01, statistic=Statistic.MEDIAN, sent_per_s=10
            ),
            "the load generator handled due requests 20.0 ms (median, limit 10.0 ms: a fifth of the median response "
            "time, at least 2 ms) late: it could not keep the rate at 10 requests/s; lower the load",
        ),
        (
            Saturation(code=SaturationCode.LOOP_LAG, observed=1.2, limit=0.1, statistic=Statistic.P99),
            "the load generator's event loop lagged 1,200 ms (p99, limit 100 ms): its machine was too busy to measure; "
            "use a quieter machine, or lower the load",
        ),
    ],
)
def test_every_saturation_has_a_sentence(saturation: Saturation, sentence: str) -> None:
    assert saturation_sentence(saturation) == sentence
