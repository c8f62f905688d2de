"""The overview: every scenario's last runs over their baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from loadtasks.report.pages.overview import ScenarioRow, make_service_overview
from loadtasks.report.pages.scenario_baseline import ScenarioBaselines
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import Bound, Comparison, MetTarget, TargetMissed, TargetsMet
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.run import Run
from loadtasks.results.scenario_runs import ScenarioRun
from tests.loadtasks.report.pages.test_scenario_history import one
from tests.measurements import run
from tests.stored_runs import DASHBOARD, SESSIONS

RUNS, SHOWN, BEGINS = 40, 20, 30


def steady(number: int, value_s: float) -> ScenarioRun:
    measured = one(number, value_s)
    return replace(measured, metrics={**measured.metrics, "success_rate": 1.0})


HISTORY = [steady(number, 0.1 if number < BEGINS else 0.08) for number in range(RUNS)]


def rows(
    measured: Mapping[str, Sequence[ScenarioRun]],
    judged: Sequence[str] = (),
    approved_run: str | None = None,
    targets: Mapping[str, Sequence[Finding]] | None = None,
) -> dict[str, ScenarioRow]:
    """The rows of a service of which the last twenty runs are shown."""
    shown: list[tuple[Run, Verdict | None]] = [
        (run(f"run-{number}"), Verdict.PASS) for number in range(RUNS - SHOWN, RUNS)
    ]
    baselines = {scenario: ScenarioBaselines(runs, approved_run=approved_run) for scenario, runs in measured.items()}
    verdicts = [ScenarioVerdict(scenario=scenario, verdict=Verdict.PASS) for scenario in judged]
    made = make_service_overview(shown, baselines, {f"run-{RUNS - 1}": verdicts}, [], targets or {})
    return {row.scenario: row for row in made.rows}


def test_each_band_spans_the_runs_of_its_baseline() -> None:
    row = rows({DASHBOARD: HISTORY}, approved_run=f"run-{BEGINS}")[DASHBOARD]
    before, since = row.bands["p50_s"]
    assert (before.first, before.last, since.first, since.last) == (0, 9, 10, 19)
    assert before.low < 0.1 < before.high
    assert since.low < 0.08 < since.high < before.low
    assert len(row.trends["p50_s"]) == SHOWN


def test_runs_that_did_not_measure_a_scenario_shift_no_band() -> None:
    measured = [run for run in HISTORY if run.run_id not in ("run-25", f"run-{BEGINS}", "run-38", "run-39")]
    row = rows({DASHBOARD: measured}, approved_run="run-31")[DASHBOARD]
    assert [(band.first, band.last) for band in row.bands["p50_s"]] == [(0, 9), (11, 17)]
    assert len(row.trends["p50_s"]) == 18
    assert row.trends["p50_s"][5] is None


def test_a_sparkline_says_which_baseline_its_last_run_is_compared_with() -> None:
    row = rows({DASHBOARD: HISTORY}, approved_run=f"run-{BEGINS}")[DASHBOARD]
    assert row.title("p50_s") == "p50 of the last runs; baseline 79.4 ms to 80.6 ms"
    assert row.title("success_rate") == "success rate of the last runs; baseline 100 %"


def test_of_a_baseline_that_has_just_begun_nothing_is_said() -> None:
    row = rows({DASHBOARD: HISTORY}, approved_run=f"run-{RUNS - 2}")[DASHBOARD]
    assert row.bands["p50_s"][-1].last == SHOWN - 3
    assert row.title("p50_s") == "p50 of the last runs"


@pytest.mark.parametrize("measured", [{}, {DASHBOARD: HISTORY[-2:]}])
def test_without_enough_runs_there_is_no_band(measured: dict[str, list[ScenarioRun]]) -> None:
    row = rows(measured, judged=[DASHBOARD])[DASHBOARD]
    assert not any(row.bands.values())
    assert row.title("p95_s") == "p95 of the last runs"


def test_a_scenario_that_none_of_the_runs_shown_has_measured_is_left_out() -> None:
    assert rows({DASHBOARD: HISTORY, SESSIONS: HISTORY[: RUNS - SHOWN]}).keys() == {DASHBOARD}


def test_a_sparkline_has_the_targets_of_its_metric_met_or_missed() -> None:
    def bound(value: float) -> tuple[Bound, ...]:
        return (Bound(comparison=Comparison.AT_MOST, value=value),)

    met = TargetsMet(targets=(MetTarget(metric="p95_s", bounds=bound(2.0)), MetTarget(metric="p99_s", bounds=bound(3))))
    findings = [
        Finding(code=FindingCode.TARGETS_MET, parameters=met),
        Finding(
            code=FindingCode.TARGET_MISSED,
            metric="p50_s",
            parameters=TargetMissed(bounds=bound(0.07)),
        ),
    ]
    row = rows({DASHBOARD: HISTORY}, targets={DASHBOARD: findings})[DASHBOARD]
    values = {metric: [target.value for target in targets] for metric, targets in row.targets.items()}
    assert values == {"p50_s": [0.07], "p95_s": [2.0], "success_rate": []}
    assert row.title("p95_s").endswith("; target ≤ 2.00 s")
