"""A run removed is as if it had never been made."""

from collections.abc import Iterator
from typing import Any

import pytest

from loadtasks.errors import BadInputError
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.regression import AUTOMATIC, RegressionState
from loadtasks.results.store import Store
from tests.measurements import SERVICE, STARTED_AT, failure, measurement, run
from tests.stored_runs import stored_regression

DASHBOARD = "dashboard.concurrent"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as opened:
        yield opened


def keep(store: Store, *run_ids: str, reached: Verdict = Verdict.PASS, **changes: Any) -> None:
    for run_id in run_ids:
        store.open_run(run(run_id, scenarios=[DASHBOARD], **changes))
        store.save_measurements(run_id, DASHBOARD, [measurement(DASHBOARD)])
        store.save_verdicts(run_id, [ScenarioVerdict(scenario=DASHBOARD, verdict=reached)])
        store.close_run(run_id, reached, STARTED_AT)


def baseline_of(store: Store) -> str | None:
    return next((baseline.run_id for baseline in store.approvals.current(SERVICE)), None)


def test_nothing_of_it_is_left_and_nothing_else_is_touched(store: Store) -> None:
    keep(store, "a", "b")
    store.save_failure("b", "other", failure())
    removed = store.remove_run("b")
    assert (removed.run.id, removed.measurements, removed.baselines) == ("b", 1, {})
    assert store.run_ids() == ["a"]
    with pytest.raises(BadInputError, match="there is no run 'b'"):
        store.remove_run("b")
    store.open_run(run("b"))
    for read in (store.measurements, store.failures, store.verdicts):
        assert not read("b")
    assert len(store.measurements("a")) == 1


def test_the_approval_before_stands_again(store: Store) -> None:
    keep(store, "a", "b", "c")
    store.approvals.approve("a", approved_by="ann", why="")
    store.approvals.approve("b", approved_by="ann", why="")
    assert store.remove_run("b").baselines == {DASHBOARD: "a"}
    assert baseline_of(store) == "a"


def test_where_no_approval_is_left_the_first_passing_run_is_the_baseline(store: Store) -> None:
    keep(store, "a")
    store.approvals.approve_first("a")
    keep(store, "b", reached=Verdict.FAIL)
    keep(store, "elsewhere", service="another")
    keep(store, "c", "d")
    assert store.remove_run("a").baselines == {DASHBOARD: "c"}
    assert [(one.run_id, one.approved_by) for one in store.approvals.current(SERVICE)] == [("c", AUTOMATIC)]
    for run_id, left in (("c", "d"), ("d", None)):
        assert store.remove_run(run_id).baselines == {DASHBOARD: left}
    assert store.approvals.current() == []


def test_what_it_found_goes_unless_somebody_has_decided(store: Store) -> None:
    keep(store, "a", "b", "c")
    number = stored_regression(store, "a", "b")
    assert store.remove_run("b").deleted_regressions == [number]
    assert store.regressions.all() == []


@pytest.mark.parametrize("state", [RegressionState.ACKNOWLEDGED, RegressionState.DISMISSED, RegressionState.FIXED])
def test_what_somebody_has_decided_about_stays_and_the_next_run_takes_the_place(
    store: Store, state: RegressionState
) -> None:
    keep(store, "a", "b", "c", "d")
    number = stored_regression(store, "b", "b")
    store.regressions.move(number, state, who="ann", why="")
    assert store.remove_run("b").deleted_regressions == []
    kept = store.regressions.find(number)
    assert (kept.first_run, kept.found_run, kept.state) == ("c", "c", state)


def test_what_was_accepted_automatically_stays_so_unless_the_run_that_did_it_is_removed(store: Store) -> None:
    keep(store, "a", "b", "c")
    number = stored_regression(store, "a", "a")
    store.regressions.move(number, RegressionState.ACCEPTED, why="nobody answered until run c", run_id="c")
    store.remove_run("a")
    kept = store.regressions.find(number)
    assert (kept.first_run, kept.found_run, kept.accepted_automatically_in) == ("b", "b", "c")
    assert store.remove_run("c").reopened_regressions == [number]
    assert store.regressions.find(number).state is RegressionState.OPEN


def test_a_regression_that_recovered_in_it_is_open_again(store: Store) -> None:
    keep(store, "a", "b", "c")
    number = stored_regression(store, "a", "a")
    store.regressions.move(number, RegressionState.FIXED, why="recovered in run b", run_id="b")
    assert store.remove_run("b").reopened_regressions == [number]
    assert store.regressions.find(number).state is RegressionState.OPEN


def test_what_was_accepted_from_it_on_is_accepted_from_the_next_run_on(store: Store) -> None:
    keep(store, "a", "b", "c", "d")
    store.approvals.approve("a", approved_by=AUTOMATIC, why="")
    number = stored_regression(store, "b", "c")
    store.regressions.move(number, RegressionState.ACCEPTED, who="ann", why="TLS")
    store.approvals.approve("b", approved_by="ann", why="TLS")
    assert store.remove_run("b").baselines == {DASHBOARD: "c"}
    assert [(one.run_id, one.approved_by, one.why) for one in store.approvals.current()] == [("c", "ann", "TLS")]
    assert store.regressions.find(number).first_run == "c"


def test_regressions_of_other_services_are_not_touched(store: Store) -> None:
    keep(store, "a", "b")
    number = stored_regression(store, "a", "b")
    keep(store, "elsewhere", service="another")
    store.remove_run("elsewhere")
    assert store.regressions.find(number).found_run == "b"
