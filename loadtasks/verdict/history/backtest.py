"""The stored nights judged again from the first one on, as other settings would have judged them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from loadtasks.results.fingerprint import Fingerprint
from loadtasks.results.records import Baseline
from loadtasks.results.regression import Regression
from loadtasks.results.series import MetricSeries, SeriesPoint
from loadtasks.settings import Sensitivity
from loadtasks.verdict.history.comparison import dismissed, without
from loadtasks.verdict.history.replay import Alarm, SeriesReplay


def replay(
    series: Sequence[MetricSeries],
    approvals: Mapping[str, Sequence[Baseline]],
    known: Sequence[Regression],
    sensitivity: Sensitivity,
) -> list[Alarm]:
    """The alarms that would have come, oldest first.

    Args:
        series: Whole pasts.
        approvals: Of each scenario, every baseline: a level begins with each.
        known: Regressions with what people did about them.
        sensitivity: How sure one wants to be.
    """
    levels = [without(level, known) for one in series for level in _levels(one, approvals.get(one.scenario, ()))]
    runs = sorted({(night.started_at, night.run_id) for one in levels for night in one.points})
    _, alarms = SeriesReplay(levels, [each for _, each in runs], sensitivity, dismissed(known)).replay()
    return alarms


def _levels(series: MetricSeries, approvals: Sequence[Baseline]) -> list[MetricSeries]:
    """The series cut where a level begins: with an approved run, and where nights are no longer alike."""
    approved = {approval.run_id for approval in approvals}
    begins: list[datetime] = sorted(night.started_at for night in series.points if night.run_id in approved)
    stretches: dict[tuple[int, Fingerprint], list[SeriesPoint]] = {}
    for night in series.points:
        level = sum(begin <= night.started_at for begin in begins)
        stretches.setdefault((level, night.fingerprint), []).append(night)
    return [MetricSeries(series.scenario, series.part, nights) for nights in stretches.values()]
