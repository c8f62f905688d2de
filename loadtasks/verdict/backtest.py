"""The stored nights judged again from the first one on, as other settings would have judged them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from loadtasks.results.fingerprint import Fingerprint
from loadtasks.results.records import Baseline
from loadtasks.results.regression import Regression
from loadtasks.results.series import Night, Series
from loadtasks.verdict.look import dismissed, without
from loadtasks.verdict.nights import Alarm, Nights
from loadtasks.verdict.sensitivity import Sensitivity


def replay(
    series: Sequence[Series],
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
    runs = sorted({(night.started_at, night.run_id) for one in levels for night in one.nights})
    _, alarms = Nights(levels, [each for _, each in runs], sensitivity, dismissed(known)).replay()
    return alarms


def _levels(series: Series, approvals: Sequence[Baseline]) -> list[Series]:
    """The series cut where a level begins: with an approved run, and where nights are no longer alike."""
    approved = {each.run_id for each in approvals}
    begins: list[datetime] = sorted(night.started_at for night in series.nights if night.run_id in approved)
    stretches: dict[tuple[int, Fingerprint], list[Night]] = {}
    for night in series.nights:
        level = sum(begin <= night.started_at for begin in begins)
        stretches.setdefault((level, night.fingerprint), []).append(night)
    return [Series(series.scenario, series.part, nights) for nights in stretches.values()]
