"""What the pages of scenarios, runs and comparisons read from stored runs."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from loadtasks import steps
from loadtasks.errors import BadInputError
from loadtasks.measurement.pruned_histogram import PrunedHistogram
from loadtasks.report.charts.sparkline import SparklineBand
from loadtasks.report.charts.states import ChartState
from loadtasks.report.pages.comparison import REFERENCE
from loadtasks.report.pages.frame import PageFrame
from loadtasks.report.pages.overview import COLUMNS
from loadtasks.report.pages.scenario import MAX_RUNS
from loadtasks.results.assembly import assemble
from loadtasks.results.beginnings import Beginning
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.repetitions import Repetition, RepetitionReason
from loadtasks.results.store import Store
from loadtasks.steps import RunContext, ScenarioChoice
from loadtasks.steps.compare_files import compare_files
from tests.measurements import STARTED_AT, exemplar, measurement, run
from tests.stored_runs import DASHBOARD, regression
from tests.workspaces import context_of

SERVICE, MIXED = "shop", "mixed.concurrent"
RUNS, SLOW_SINCE, APPROVED = 24, 20, 17
URL = PageFrame(base="/performance", airflow="", reader="").url


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> RunContext:
    """Runs of two scenarios: one got slower, of the other a run was approved. The first is pruned, the last goes on."""
    made = context_of(var=tmp_path_factory.mktemp("var"))
    random = np.random.default_rng(1)
    with Store.open(made.workspace.results_url) as store:
        for number in range(RUNS):
            planned = run(
                f"run-{number}",
                service=SERVICE,
                started_at=STARTED_AT + timedelta(days=number),
                scenarios=[DASHBOARD, MIXED],
                target_version=f"1.{number // 10}",
            )
            opened = store.open_run(planned)
            level = 0.1 * float(random.lognormal(0, 0.02)) * (1.5 if number >= SLOW_SINCE else 1.0)
            own = {"times_s": [level] * 100, "exemplars": [exemplar(level)], "failed": 2 if number == 5 else 0}
            store.save_measurements(opened.id, DASHBOARD, [measurement(DASHBOARD, **own)])
            if number == RUNS - 1:
                store.begin(opened.id, MIXED, Beginning.now(repeatable=True))
                break
            if number == 7:
                again = [measurement(DASHBOARD, times_s=[level] * 100)]
                repetition = Repetition(number=2, reason=RepetitionReason.LEARNING, measurements=again)
                store.add_repetition(opened.id, DASHBOARD, repetition)
            parts = [measurement(MIXED, part=part, times_s=[0.1] * 50) for part in ("", "sessions", "orders")]
            store.save_measurements(opened.id, MIXED, parts)
            verdicts = [ScenarioVerdict(scenario=name, verdict=Verdict.PASS) for name in (DASHBOARD, MIXED)]
            store.save_verdicts(opened.id, verdicts)
            store.close_run(opened.id, Verdict.PASS, opened.started_at + timedelta(minutes=2))
        store.prune_run("run-0", STARTED_AT)
        store.approvals.approve(f"run-{APPROVED}", approved_by="ann", why="", scenarios=[MIXED])
        found = regression(f"run-{SLOW_SINCE + 2}", first_run=f"run-{SLOW_SINCE}")
        store.regressions.save(found.found_run, [found.model_copy(update={"service": SERVICE})])
    return made


def test_a_scenario_has_its_runs_and_what_belongs_to_the_newest(context: RunContext) -> None:
    shown = steps.scenario_page(context, ScenarioChoice(SERVICE, DASHBOARD, shown=20), may_decide=True)
    assert len(shown.history.newest) == 20
    assert len(shown.history.runs) == RUNS
    assert shown.chosen is not None
    assert (shown.chosen.run.id, shown.chosen.is_judged) == (f"run-{RUNS - 1}", False)
    assert [run.run_id for run, _ in shown.failed] == ["run-5"]
    assert shown.history.repetitions.keys() == {"run-7"}
    assert shown.around(f"run-{RUNS - 2}") == (f"run-{RUNS - 3}", f"run-{RUNS - 1}")
    assert shown.parts == []
    assert [(one.id, one.may_decide) for one in shown.undecided] == [(1, True)]


def test_the_overview_has_the_baselines_of_the_scenarios_own_pages(context: RunContext) -> None:
    (service,) = steps.overview(context, [SERVICE], 12)
    numbers = {mark.run.id: number for number, mark in enumerate(service.marks)}
    for row in service.rows:
        for metric in COLUMNS:
            own = steps.scenario_history(
                context, ScenarioChoice(SERVICE, row.scenario, "", metric, len(row.trends[metric]))
            )
            bands = own.chart(URL, versions=False).baselines
            assert row.bands[metric] == [
                SparklineBand(numbers[band.first_run], numbers[band.last_run], band.low, band.high) for band in bands
            ]
    assert {row.scenario: len(row.trends["p50_s"]) for row in service.rows} == {DASHBOARD: 12, MIXED: 11}
    (mixed,) = (row for row in service.rows if row.scenario == MIXED)
    assert [band.first for band in mixed.bands["p95_s"]] == [0, numbers[f"run-{APPROVED}"]]


def test_runs_of_an_open_regression_are_shown_over_the_baseline_before_it(context: RunContext) -> None:
    (service,) = steps.overview(context, [SERVICE], 12)
    (row,) = (row for row in service.rows if row.scenario == DASHBOARD)
    band = row.bands["p50_s"][-1]
    assert band.last == 11
    assert band.high < 0.12
    assert (row.value("p50_s") or 0) > 0.13


def test_a_run_of_it_can_be_chosen_and_an_unknown_one_is_the_last(context: RunContext) -> None:
    for asked, chosen in (("run-9", "run-9"), ("nope", f"run-{RUNS - 1}")):
        shown = steps.scenario_page(context, ScenarioChoice(SERVICE, DASHBOARD, run_id=asked), may_decide=False)
        assert shown.chosen is not None
        assert shown.chosen.run.id == chosen


def test_a_pruned_run_has_percentiles_and_no_distribution(context: RunContext) -> None:
    shown = steps.scenario_page(context, ScenarioChoice(SERVICE, DASHBOARD, run_id="run-0"), may_decide=False)
    assert shown.chosen is not None
    assert shown.chosen.distribution is None
    assert shown.chosen.slowest == []
    first, *_ = shown.chosen.percentiles
    assert (first.interval_s, first.note) == (None, "pruned")
    assert first.value == pytest.approx(0.1, rel=0.1)


def test_a_part_of_a_mixed_scenario_is_shown_alone(context: RunContext) -> None:
    whole = steps.scenario_page(context, ScenarioChoice(SERVICE, MIXED), may_decide=False)
    assert whole.parts == ["sessions", "orders"]
    part = steps.scenario_page(context, ScenarioChoice(SERVICE, MIXED, "orders"), may_decide=False)
    assert part.chosen is not None
    assert [one.part for one in part.chosen.result.measurements] == ["orders"]
    assert part.chosen.distribution is not None


def test_of_an_unknown_scenario_there_is_nothing(context: RunContext) -> None:
    shown = steps.scenario_page(context, ScenarioChoice(SERVICE, "nope", shown=MAX_RUNS), may_decide=True)
    assert (shown.chosen, shown.history.newest, shown.history.state()) == (None, [], ChartState.NO_BASELINE)
    assert steps.scenarios_of(context, SERVICE) == [DASHBOARD, MIXED]


def test_a_run_that_goes_on_shows_what_there_is(context: RunContext) -> None:
    shown = steps.run_page(context, f"run-{RUNS - 1}")
    assert shown.may_be_running
    assert [shown.progress.step(name) for name in (DASHBOARD, MIXED)] == ["measured", "being measured"]
    assert shown.neighbours.previous == f"run-{RUNS - 2}"
    assert not steps.run_page(context, f"run-{RUNS - 2}").may_be_running


def test_one_scenario_of_a_run_is_read_whole(context: RunContext) -> None:
    result = steps.run_scenario(context, "run-9", MIXED)
    assert result is not None
    assert [one.part for one in result.measurements] == ["", "sessions", "orders"]
    assert steps.run_scenario(context, "run-9", "nope") is None
    pruned = steps.run_scenario(context, "run-0", DASHBOARD)
    assert pruned is not None
    assert isinstance(pruned.measurements[0].response, PrunedHistogram)


def test_runs_are_listed_by_pages_newest_first(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtasks.steps.browsing_runs._RUNS_ON_A_PAGE", 10)
    first, pages = steps.listed_runs(context, [SERVICE], 1)
    assert (pages, len(first), first[0].run.id) == (3, 10, f"run-{RUNS - 1}")
    assert first[1].tally == {Verdict.PASS: 2}
    last, _ = steps.listed_runs(context, [SERVICE], 99)
    assert [one.run.id for one in last] == ["run-3", "run-2", "run-1", "run-0"]
    assert last[-1].pruned_at is not None
    assert steps.listed_runs(context, [], 1) == ([], 1)


def test_a_day_is_its_last_run(context: RunContext) -> None:
    midnight = STARTED_AT.replace(hour=0)
    assert steps.run_on(context, SERVICE, midnight + timedelta(days=3)) == "run-3"
    assert steps.run_on(context, SERVICE, midnight - timedelta(days=3)) == "run-0"
    assert steps.run_on(context, "nope", midnight) is None


def test_two_runs_are_compared_as_the_command_compares_them(context: RunContext, tmp_path: Path) -> None:
    page = steps.compare_page(context, "run-22", "run-10", "", "")
    assert page.compared is not None
    with Store.open(context.workspace.results_url) as store:
        for run_id in ("run-22", "run-10"):
            assemble(store, run_id).write(tmp_path / f"{run_id}.json")
    by_command = compare_files(context, tmp_path / "run-22.json", tmp_path / "run-10.json")
    assert [one.comparisons for one in page.compared.scenarios] == [one.comparisons for one in by_command.scenarios]
    assert page.rows[0].metrics["p50_s"].comparison.low is not None


def test_confirmed_regressions_between_two_runs_are_named(context: RunContext) -> None:
    def between(run_id: str, other: str) -> list[int]:
        return [one.id for one in steps.compare_page(context, run_id, other, "", "").between]

    assert between("run-22", "run-10") == between("run-10", "run-22") == [1]
    assert between("run-22", "run-21") == []


def test_what_cannot_be_compared_is_refused_with_the_reason(context: RunContext) -> None:
    with pytest.raises(BadInputError, match="without a reference"):
        steps.compare_page(context, "run-22", REFERENCE, "", "")
    with pytest.raises(BadInputError, match="deleted"):
        steps.compare_page(context, "run-22", "nope", "", "")
    assert steps.default_pair(context, SERVICE) == (f"run-{RUNS - 2}", f"run-{RUNS - 3}")
    assert steps.default_pair(context, SERVICE, "run-5") == ("run-5", "run-4")
    assert steps.default_pair(context, "nope") is None
