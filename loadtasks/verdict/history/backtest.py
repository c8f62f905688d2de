"""The stored runs judged again from the first one on, with another sensitivity."""

from collections.abc import Sequence

from loadtasks.results.control_runs import ControlRun
from loadtasks.results.fingerprint import Fingerprint
from loadtasks.results.records import Baseline
from loadtasks.results.regression import Regression
from loadtasks.results.series import MetricSeries, SeriesPoint
from loadtasks.settings import Sensitivity
from loadtasks.verdict.history.comparison import covariates_of, dismissed_runs, without_fixed
from loadtasks.verdict.history.covariates import Covariates
from loadtasks.verdict.history.replay import Alarm, Decisions, SeriesReplay
from loadtasks.verdict.history.unanswered import RunNumber, SimulatedAcceptances


def find_alarms(
    series: Sequence[MetricSeries],
    approvals: Sequence[Baseline],
    known: Sequence[Regression],
    sensitivity: Sensitivity,
    control_runs: Sequence[ControlRun] = (),
) -> list[Alarm]:
    """The alarms that a sensitivity would have raised, oldest first.

    Args:
        series: All stored runs of each series of one service, not only those since its baseline run.
        approvals: Every baseline run: a baseline of its scenario begins with each.
        known: Regressions with what people did about them.
        sensitivity: Budget, minimum effect, and after how many runs an alarm that nobody answers is accepted.
        control_runs: The controls of all runs; the newest run says which scenarios are controls.
    """
    baselines = [without_fixed(baseline, known) for whole in series for baseline in _baselines(whole, approvals)]
    runs = sorted({RunNumber(point.sequence, point.run_id) for baseline in baselines for point in baseline.points})
    covariates, names = covariates_of(runs[-1].run_id, baselines, control_runs) if runs else (Covariates(), frozenset())
    judged = [baseline for baseline in baselines if baseline.scenario not in names]
    unanswered = SimulatedAcceptances(known, judged, runs, sensitivity.auto_accept_runs)
    decisions = Decisions(dismissed_runs(known), unanswered)
    replay = SeriesReplay(judged, [run.run_id for run in runs], sensitivity, decisions, covariates)
    _, alarms = replay.judge()
    return alarms


def _baselines(series: MetricSeries, approvals: Sequence[Baseline]) -> list[MetricSeries]:
    """The series, cut where a baseline begins: at each approved run, and where the fingerprint changes."""
    approved = {approval.run_id for approval in approvals if approval.scenario == series.scenario}
    begins = sorted(point.sequence for point in series.points if point.run_id in approved)
    segments: dict[tuple[int, Fingerprint], list[SeriesPoint]] = {}
    for point in series.points:
        number = sum(begin <= point.sequence for begin in begins)
        segments.setdefault((number, point.fingerprint), []).append(point)
    return [MetricSeries(series.scenario, series.part, points) for points in segments.values()]
