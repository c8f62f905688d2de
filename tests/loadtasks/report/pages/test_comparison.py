"""Two runs side by side."""

import pytest

from loadtasks.report.charts.states import ChartState
from loadtasks.report.pages.comparison import ComparePage, RunChoices, find_differences
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.fingerprint import Difference, Fingerprint
from loadtasks.results.judgement import Verdict, overall
from loadtasks.results.run_browser import ListedRun
from loadtasks.verdict.compare_documents import compare_documents
from tests.measurements import measurement, run
from tests.stored_runs import DASHBOARD, SESSIONS


def document(run_id: str, **times_s: float) -> ResultsDocument:
    results = [
        ScenarioResult(
            scenario=name.replace("__", "."),
            endpoint="a",
            verdict=Verdict.PASS,
            measurements=[measurement(name.replace("__", "."), times_s=[time_s] * 500)],
        )
        for name, time_s in times_s.items()
    ]
    planned = run(run_id, scenarios=[one.scenario for one in results], target_version=f"of {run_id}")
    return ResultsDocument(run=planned, verdict=overall([one.verdict for one in results]), scenarios=results)


@pytest.fixture(scope="module")
def page() -> ComparePage:
    now = document("now", dashboard__concurrent=0.11, sessions__filtered=1.0)
    before = document("before", dashboard__concurrent=0.1, sessions__filtered=0.1)
    return ComparePage(
        service="shop",
        now=ListedRun(now.run, Verdict.PASS, None, {}),
        before=ListedRun(before.run, Verdict.PASS, None, {}),
        compared=compare_documents(now, before),
        choices=RunChoices(),
        scenario="",
        part="",
    )


def test_what_is_beyond_doubt_comes_first_and_the_rest_is_grey(page: ComparePage) -> None:
    first, second = page.rows
    assert (first.label, first.state) == (SESSIONS, ChartState.REGRESSED)
    assert (second.label, second.state) == (DASHBOARD, ChartState.NO_BASELINE)
    assert first.metrics["p50_s"].is_decided
    assert not second.metrics["p50_s"].is_decided


def test_intervals_are_those_of_the_comparison(page: ComparePage) -> None:
    metric = page.rows[1].metrics["p50_s"]
    low, high = metric.comparison.low, metric.comparison.high
    assert low is not None
    assert high is not None
    assert low < 1.1 < high
    assert metric.change == "+10.0 %"
    assert " to " in metric.interval
    assert page.rows[1].metrics["success_rate"].interval == "100 % before"


def test_the_scenario_that_differs_most_is_chosen_and_drawn(page: ComparePage) -> None:
    assert page.chosen is page.rows[0]
    assert page.distribution is not None
    before, now = page.distribution.lines
    assert (before.is_baseline, now.is_baseline) == (True, False)
    assert before.label.endswith("of before")
    assert now.label.endswith("of now")


def test_what_differs_in_how_they_were_made_is_said_once() -> None:
    whole = document("now", dashboard__concurrent=0.1, sessions__filtered=0.1)
    now, before = (
        Fingerprint.of(whole.run, whole.scenarios[0].measurements[0]).model_copy(update=changes)
        for changes in ({}, {"generator": "b-host", "paired": True})
    )
    both: list[Difference] = list(now.differences(before))
    host, paired = find_differences(whole, [(DASHBOARD, both), (SESSIONS, both[:1])])
    assert (host.what, host.now, host.before, host.scenarios) == ("load generator", "a-host", "b-host", [])
    assert (paired.now, paired.before, paired.scenarios) == ("alone", "in rounds with a reference", [DASHBOARD])
