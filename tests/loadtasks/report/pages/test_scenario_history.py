"""The history of a scenario as a chart: points, baselines, change points, targets and phases."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np

from loadtasks.measurement.model import Phase
from loadtasks.report.charts.states import ChartState
from loadtasks.report.pages.frame import PageFrame
from loadtasks.report.pages.scenario_history import ScenarioHistory
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import BaselineShift, EnvironmentChanged
from loadtasks.results.findings.targets import Bound, Comparison, MetTarget, TargetsMet
from loadtasks.results.judgement import Verdict
from loadtasks.results.regression import AUTOMATIC, Move, RegressionState
from loadtasks.results.scenario_runs import RunDetails, ScenarioRun
from tests.measurements import STARTED_AT, histogram
from tests.series import drift
from tests.stored_runs import DASHBOARD, regression

URL = PageFrame(base="/performance", airflow="", reader="").url
RUNS, SHIFTED = 60, 32


def one(number: int, value_s: float | None, *findings: Finding, **changes: Any) -> ScenarioRun:
    plausible = {
        "run_id": f"run-{number}",
        "sequence": number + 1,
        "started_at": STARTED_AT + timedelta(days=number),
        "version": "1.0",
        "verdict": Verdict.PASS,
        "fingerprint": ("alike",) if value_s else (),
        "metrics": {"p50_s": value_s, "p95_s": value_s, "completed": 100} if value_s else {},
        "stored_findings": [finding.model_dump(mode="json") for finding in findings],
    }
    return ScenarioRun(**plausible | changes)


def history(runs: list[ScenarioRun], **changes: Any) -> ScenarioHistory:
    made = ScenarioHistory("shop", DASHBOARD, "", "p50_s", runs, len(runs))
    return replace(made, **changes)


def shifted() -> list[ScenarioRun]:
    """Runs of 100 ms, and of 150 ms since one of them."""
    levels = 0.1 * np.exp(drift(runs=RUNS, cv=0.02)[0])
    levels[SHIFTED:] *= 1.5
    return [one(number, float(level)) for number, level in enumerate(levels)]


def moved(state: RegressionState, who: str = "ann", sequence: int = RUNS) -> Any:
    found = regression(f"run-{SHIFTED + 2}", first_run=f"run-{SHIFTED}")
    if state is RegressionState.OPEN:
        return found
    move = Move(state=state, at=STARTED_AT, who=who, why="", sequence=sequence)
    return found.model_copy(update={"moves": [*found.moves, move]})


def last_band(*regressions: Any, **changes: Any) -> tuple[float, float]:
    """Level and upper end, rounded to 10 ms, of the band of the last run."""
    chart = history(shifted(), regressions=regressions, **changes).chart(URL, versions=True)
    assert chart.baselines[-1].last_run == f"run-{RUNS - 1}"
    return round(chart.baselines[-1].level, 2), round(chart.baselines[-1].high, 2)


def test_decisions_about_a_regression_decide_where_its_baseline_is() -> None:
    before, both, since = (0.1, 0.1), last_band(), (0.15, 0.15)
    assert both[1] > 0.1  # without a regression its runs widen the band
    for state in (RegressionState.OPEN, RegressionState.ACKNOWLEDGED, RegressionState.FIXED):
        assert last_band(moved(state)) == before
    assert last_band(moved(RegressionState.ACCEPTED)) == since
    assert last_band(moved(RegressionState.DISMISSED)) == both
    assert last_band(approved_run=f"run-{SHIFTED}") == since


def test_runs_after_a_regression_was_fixed_belong_to_the_baseline() -> None:
    assert last_band(moved(RegressionState.FIXED, sequence=SHIFTED)) == last_band()
    shown_by_none = moved(RegressionState.FIXED, who=AUTOMATIC)
    assert last_band(shown_by_none) == last_band()


def test_a_change_is_marked_with_the_runs_in_which_it_may_lie() -> None:
    found = moved(RegressionState.OPEN).model_copy(update={"id": 7})
    chart = history(shifted(), regressions=[found], names={7: 5}).chart(URL, versions=True)
    (mark,) = chart.changes
    assert (mark.run_id, mark.worse, mark.href) == (f"run-{SHIFTED}", True, "/performance/regressions/5")
    assert mark.label == "+50 %"
    assert mark.earliest_run <= f"run-{SHIFTED}" <= mark.latest_run
    assert not history(shifted(), regressions=[moved(RegressionState.DISMISSED)]).chart(URL, versions=True).changes


def test_an_improvement_begins_a_baseline() -> None:
    shift = BaselineShift(ratio=0.8, low=0.7, high=0.9, first_run="run-20", first_run_started_at=STARTED_AT)
    gain = Finding(code=FindingCode.IMPROVEMENT, metric="p50_s", observed=0.08, limit=0.1, parameters=shift)
    runs = [one(number, 0.1 if number < 20 else 0.08, *([gain] if number == 24 else [])) for number in range(40)]
    chart = history(runs).chart(URL, versions=True)
    assert [(mark.run_id, mark.worse) for mark in chart.changes] == [("run-20", False)]
    assert any(band.first_run == "run-20" for band in chart.baselines)


def test_another_load_begins_a_baseline() -> None:
    runs = [one(number, 0.1, fingerprint=("old",) if number < 10 else ("new",)) for number in range(20)]
    assert [band.first_run for band in history(runs).chart(URL, versions=True).baselines] == ["run-0", "run-10"]


def test_a_point_has_verdict_interval_repetitions_and_the_environment() -> None:
    moved_with = EnvironmentChanged(control="null_server", control_ratio=1.4, ratio=1.3, first_run="run-1")
    environment = Finding(code=FindingCode.ENVIRONMENT_CHANGED, metric="p50_s", parameters=moved_with)
    runs = [one(0, 0.1), one(1, 0.1, environment), one(2, None, verdict=Verdict.INVALID), one(3, 0.1, verdict=None)]
    times = histogram([0.05 + number / 1000 for number in range(100)])
    chart = history(runs, repetitions={"run-0": [0.1, None, 0.11]}, histograms={"run-0": times}).chart(
        URL, versions=True
    )
    first, second, third, fourth = chart.points
    assert first.low is not None
    assert first.low < 0.1 < (first.high or 0)
    assert first.repetitions == [0.1, 0.11]
    assert first.href == "/performance/runs/run-0#scenario-dashboard.concurrent"
    assert second.environment_changed
    assert second.state is ChartState.ENVIRONMENT_CHANGED
    assert (third.value, third.state) == (None, ChartState.INVALID)
    assert fourth.state is ChartState.NO_BASELINE


def test_targets_are_those_of_the_newest_judged_run() -> None:
    def met(limit: float) -> Finding:
        bounds = (Bound(comparison=Comparison.BELOW, value=limit),)
        targets = (MetTarget(metric="p50_s", bounds=bounds), MetTarget(metric="p95_s", bounds=bounds))
        return Finding(code=FindingCode.TARGETS_MET, parameters=TargetsMet(targets=targets))

    runs = [one(0, 0.1, met(1.0)), one(1, 0.1, met(2.0)), one(2, 0.1, verdict=None)]
    (target,) = history(runs).targets
    assert (target.value, target.label) == (2.0, "target <")
    assert history(runs).chart(URL, versions=True).far_targets == [target]


def test_phases_add_up_and_come_in_the_order_of_a_request() -> None:
    phases = {
        "waiting": Phase(count=100, total_s=0.1, max_s=0.1),
        "first_byte": Phase(count=100, total_s=8.0, max_s=0.2),
        "body": Phase(count=100, total_s=1.0, max_s=0.1),
        "server:db": Phase(count=100, total_s=4.0, max_s=0.1),
        "server:total": Phase(count=100, total_s=6.0, max_s=0.1),
    }
    details = {f"run-{number}": RunDetails(statuses={}, errors=[], phases=phases) for number in range(4)}
    runs = [one(number, 0.1) for number in range(4)]
    chart = history(runs, details=details).phases(URL)
    assert chart is not None
    assert chart.phases == ["waiting for a connection", "network and queue", "db", "own code", "body"]
    assert sum(chart.runs[0].mean_s.values()) == 0.1 * 0.91
    assert chart.baseline_s["db"] == 0.04
    assert history(runs).phases(URL) is None
