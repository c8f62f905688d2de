"""Which changes are bold, which are grey, and whose ratio is shown."""

import pytest

from loadtasks.report.noise import claimed_change, emphasis, moved_metrics
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import Suspected
from loadtasks.results.judgement import MetricComparison
from tests.loadtasks.report import samples


def _compared(low: float | None, high: float | None) -> MetricComparison:
    return MetricComparison(metric="p95_s", observed=1.1, baseline=1.0, ratio=1.1, low=low, high=high)


def test_percentiles_move_together_and_a_missed_target_moves_its_own_metric_alone() -> None:
    assert moved_metrics([samples.worse("p50_s", 2, 1)]) >= {"p50_s", "p95_s", "p99_s"}
    assert moved_metrics([samples.missed("p95_s", 3, 2)]) == {"p95_s"}
    assert moved_metrics([samples.worse("throughput_per_s", 1, 2)]) == {"throughput_per_s"}
    suspected = Finding(code=FindingCode.SUSPECTED, parameters=Suspected(metrics=("p50_s",)))
    assert moved_metrics([suspected]) == frozenset()


@pytest.mark.parametrize(
    ("compared", "moved", "expected"),
    [
        (_compared(1.05, 1.15), {"p95_s"}, "moved"),
        (_compared(0.9, 1.3), {"p95_s"}, "noise"),
        (_compared(None, None), {"p95_s"}, "moved"),
        (_compared(0.9, 1.3), set(), "noise"),
        (_compared(1.05, 1.15), set(), ""),
        (_compared(None, None), set(), "noise"),
        (None, {"p95_s"}, "noise"),
    ],
)
def test_a_change_is_noise_unless_it_is_beyond_its_interval(
    compared: MetricComparison | None, moved: set[str], expected: str
) -> None:
    assert emphasis(compared, moved) == expected


def test_what_a_finding_claims_goes_before_the_comparison() -> None:
    assert claimed_change([samples.worse("p95_s", 2, 1)], _compared(0.9, 1.3)) == pytest.approx((2.0, 1.9, 2.1))
    assert claimed_change([samples.missed("p95_s", 3, 2)], _compared(0.9, 1.3)) == (1.1, 0.9, 1.3)
    assert claimed_change([], None) == (None, None, None)
