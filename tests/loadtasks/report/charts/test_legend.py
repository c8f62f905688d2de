"""Legends: only what occurs, in words and in shapes, and texts stay text."""

from loadtasks.report.charts import legend
from loadtasks.report.charts.distribution import Distribution, DistributionChart
from loadtasks.report.charts.history import HistoryChart
from tests.loadtasks.report.charts.histories import EVIL, history, phases
from tests.loadtasks.report.pages import parse
from tests.measurements import measurement


def _words(made: str) -> list[str]:
    return [entry.text for entry in parse(made).all("li")]


def test_a_history_names_the_marks_that_occur() -> None:
    assert _words(legend.history_legend(history())) == [
        "reported",
        "repetitions",
        "95 % confidence interval",
        "baseline: level ± scale",
        "target",
        "change for the worse, and the runs in which it may lie",
        "change for the better, and the runs in which it may lie",
        "new version",
        "regressed",
        "invalid",
        "environment changed",
    ]
    plain = [point for point in history().points if point.value is not None][:3]
    bare = HistoryChart("", "p95_s", [point.__class__(point.run_id, point.started_at, point.value) for point in plain])
    assert _words(legend.history_legend(bare)) == ["reported"]


def test_lines_and_phases_are_named_as_they_are_seen_from_the_top() -> None:
    times = measurement(times_s=[0.01]).response
    chart = DistributionChart("", [Distribution("baseline", times, is_baseline=True), Distribution(EVIL, times)])
    made = legend.distribution_legend(chart)
    assert _words(made) == [EVIL, "baseline"]
    assert parse(made).all("img") == []
    assert _words(legend.phase_legend(phases()))[0] == "other phases"
