"""The page of a run: what is new, what is known, and how far it is."""

from collections.abc import Sequence

from loadtasks.report.charts.states import ChartState
from loadtasks.report.pages.run import RunNews, RunPage, find_run_news, make_progress
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import KnownRegression, RegressionShift
from loadtasks.results.findings.validity import MeasurementFailure
from loadtasks.results.judgement import ScenarioVerdict, Verdict, overall
from loadtasks.results.run_browser import ListedRun, RunNeighbours
from tests.measurements import STARTED_AT, failure, measurement, run
from tests.stored_runs import DASHBOARD, SESSIONS, invalid, missed, verdict_of


def shift(found_run: str | None, regression: int = 7) -> Finding:
    parameters = RegressionShift(
        ratio=1.4,
        low=1.3,
        high=1.5,
        first_run="run-1",
        first_run_started_at=STARTED_AT,
        regression=regression,
        found_run=found_run,
    )
    return Finding(code=FindingCode.REGRESSION, metric="p50_s", observed=0.14, limit=0.1, parameters=parameters)


def document(**findings: Sequence[Finding]) -> ResultsDocument:
    """A run of scenarios, by names with `__` for the dot."""
    verdicts = [verdict_of(name.replace("__", "."), found) for name, found in findings.items()]
    results = [
        ScenarioResult(endpoint="dashboard", measurements=[measurement(one.scenario)], **dict(one)) for one in verdicts
    ]
    planned = run(scenarios=[one.scenario for one in verdicts])
    return ResultsDocument(run=planned, verdict=overall([one.verdict for one in results]), scenarios=results)


def news(found: Sequence[Finding], *before: ScenarioVerdict) -> RunNews:
    return find_run_news(document(dashboard__concurrent=found), before)


def lengths(found: RunNews) -> tuple[int, int, int, int]:
    return len(found.new), len(found.watched), len(found.known), len(found.over)


def test_a_regression_is_new_in_the_run_that_found_it() -> None:
    assert lengths(news([shift(None)])) == (1, 0, 0, 0)
    found = news([shift("run-2")])
    assert lengths(found) == (0, 0, 1, 0)
    assert found.known[0].regression == 7
    assert found.known[0].state is ChartState.REGRESSED


def test_a_missed_target_is_new_unless_the_run_before_missed_it() -> None:
    assert lengths(news([missed()])) == (1, 0, 0, 0)
    assert lengths(news([missed()], verdict_of(DASHBOARD, [missed()]))) == (0, 0, 1, 0)
    assert lengths(news([missed()], verdict_of(DASHBOARD, [missed("p50_s")]))) == (1, 0, 0, 1)


def test_what_is_over_is_said() -> None:
    over = Finding(
        code=FindingCode.RECOVERED, parameters=KnownRegression(regression=7, found_run="run-2", first_run="run-1")
    )
    found = news([over], verdict_of(DASHBOARD, [missed()]))
    assert lengths(found) == (0, 0, 0, 2)
    assert {item.state for item in found.over} == {ChartState.PASS}
    assert lengths(news([], verdict_of(DASHBOARD, [invalid()]))) == (0, 0, 0, 1)


def test_what_many_scenarios_show_alike_is_one_item() -> None:
    alike = {f"s{number}__get": [invalid()] for number in range(4)}
    found = find_run_news(document(**alike, other__get=[invalid(detail="another reason")]), [])
    assert [item.label for item in found.new] == ["4 scenarios, as s0.get", "other.get"]


def page(whole: ResultsDocument, verdict: Verdict | None = None, following: str | None = None) -> RunPage:
    return RunPage(
        listed=ListedRun(whole.run, verdict, None, {}),
        document=whole,
        neighbours=RunNeighbours(None, following),
        news=RunNews([], [], [], []),
        progress=make_progress(whole, {}),
        is_newest=following is None,
        files=frozenset(),
    )


def test_scenarios_come_worst_first_and_while_it_runs_in_their_order() -> None:
    whole = document(a__get=[], b__get=[missed()], c__get=[shift(None)], d__get=[invalid()])
    assert [one.scenario for one in page(whole, Verdict.FAIL).results] == ["b.get", "c.get", "d.get", "a.get"]
    assert [one.scenario for one in page(whole).results] == ["a.get", "b.get", "c.get", "d.get"]


def test_a_run_may_go_on_until_it_is_judged_or_a_later_one_began() -> None:
    whole = document(a__get=[])
    assert page(whole).may_be_running
    assert not page(whole, Verdict.PASS).may_be_running
    assert not page(whole, following="run-2").may_be_running


def test_progress_tells_what_is_measured_failed_and_under_way() -> None:
    whole = document(dashboard__concurrent=[])
    planned = whole.run.model_copy(update={"scenarios": [DASHBOARD, SESSIONS, "slow.get", "later.get"]})
    begun = MeasurementFailure(code=FindingCode.MEASUREMENT_DIED)
    progress = make_progress(
        whole.model_copy(update={"run": planned}), {SESSIONS: failure("refused"), "slow.get": begun}
    )
    assert [progress.step(name) for name in planned.scenarios] == [
        "measured",
        "could not be measured",
        "being measured",
        "to come",
    ]
    assert progress.done == 2
