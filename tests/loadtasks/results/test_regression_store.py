"""The states of a regression in the results database."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from loadtasks.errors import BadInputError
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.regression import MetricChange, Move, Regression, RegressionState
from loadtasks.results.store import Store
from tests.measurements import SERVICE, STARTED_AT, measurement, run

SLOWER = MetricChange(metric="p50_s", before=0.1, ratio=1.2, low=1.15, high=1.25)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as opened:
        yield opened


def regression(**changes: Any) -> Regression:
    opened = Move(state=RegressionState.OPEN, at=datetime(2026, 11, 24, tzinfo=UTC), who="automatic", why="p50 +20 %")
    plausible = {
        "id": 0,
        "service": SERVICE,
        "scenario": "dashboard.concurrent",
        "part": "",
        "first_run": "r1",
        "found_run": "r2",
        "version_before": "1.1.0",
        "version_after": "1.2.0",
        "changes": [SLOWER],
        "moves": [opened],
    }
    return Regression.model_validate(plausible | changes)


def test_what_was_found_is_stored_as_it_is(store: Store):
    (kept,) = store.regressions.save("r2", [regression()])
    assert store.regressions.find(kept.id) == kept == regression(id=kept.id)
    assert kept.state is RegressionState.OPEN


def test_who_moved_it_when_and_why_is_stored(store: Store):
    (kept,) = store.regressions.save("r2", [regression()])
    store.regressions.move(kept.id, RegressionState.ACKNOWLEDGED, who="ada", why="looking at it")
    moved = store.regressions.move(kept.id, RegressionState.ACCEPTED, who="bob", why="the price of TLS")
    assert [(move.state, move.who, move.why) for move in moved.moves[1:]] == [
        (RegressionState.ACKNOWLEDGED, "ada", "looking at it"),
        (RegressionState.ACCEPTED, "bob", "the price of TLS"),
    ]
    assert store.regressions.find(moved.id) == moved


@pytest.mark.parametrize("end", [RegressionState.ACCEPTED, RegressionState.FIXED, RegressionState.DISMISSED])
@pytest.mark.parametrize("after", list(RegressionState))
def test_nothing_follows_an_end(store: Store, end: RegressionState, after: RegressionState):
    (kept,) = store.regressions.save("r2", [regression()])
    store.regressions.move(kept.id, end, who="ada", why="")
    with pytest.raises(BadInputError, match=f"regression {kept.id} .dashboard.concurrent. was {end} by ada"):
        store.regressions.move(kept.id, after, who="bob", why="")
    assert store.regressions.all(ended=False) == []


def test_what_was_accepted_automatically_can_be_reopened_once(store: Store):
    (kept,) = store.regressions.save("r2", [regression()])
    store.regressions.move(kept.id, RegressionState.ACCEPTED, why="nobody answered until run r3", run_id="r3")
    (accepted,) = store.regressions.all()
    assert (accepted.state.ended, accepted.accepted_automatically_in, accepted.is_answered) == (True, "r3", False)
    assert accepted.before({"r3"}).state is RegressionState.OPEN
    assert accepted.before({"r4"}) is accepted
    reopened = store.regressions.move(kept.id, RegressionState.OPEN, who="ada", why="it is no new normal")
    assert (reopened.state, reopened.is_answered, reopened.accepted_automatically_in) == (
        RegressionState.OPEN,
        True,
        None,
    )
    assert reopened.before({"r3"}) is reopened  # what a person decided stands
    with pytest.raises(BadInputError, match="only one that was accepted automatically can be reopened"):
        store.regressions.move(kept.id, RegressionState.OPEN, who="ada", why="")


def test_finding_again_replaces_what_nobody_has_moved(store: Store):
    store.regressions.save("r2", [regression()])
    store.regressions.save("r2", [regression(changes=[SLOWER.model_copy(update={"ratio": 1.3})])])
    (again,) = store.regressions.all()
    assert again.changes[0].ratio == 1.3
    store.regressions.move(again.id, RegressionState.ACKNOWLEDGED, who="ada", why="")
    store.regressions.save("r2", [regression(), regression(part="sessions")])
    kept = {regression.part: regression for regression in store.regressions.all()}
    assert kept[""].state is RegressionState.ACKNOWLEDGED
    assert kept[""].changes[0].ratio == 1.3
    assert kept["sessions"].state is RegressionState.OPEN


def test_an_unknown_id_is_refused_in_one_sentence(store: Store):
    with pytest.raises(BadInputError, match=r"there is no regression 7; `python -m loadtasks regressions` lists them"):
        store.regressions.move(7, RegressionState.FIXED, who="ada", why="")


def keep(store: Store, runs: list[tuple[str, Verdict, dict[str, Any]]]) -> None:
    for number, (run_id, verdict, changes) in enumerate(runs):
        store.open_run(run(run_id, started_at=STARTED_AT + timedelta(days=number), target_version=f"1.{number}.0"))
        store.save_measurements(run_id, "dashboard.concurrent", [measurement(**changes)])
        store.save_verdicts(run_id, [ScenarioVerdict(scenario="dashboard.concurrent", verdict=verdict)])


def test_a_series_has_the_valid_runs_since_the_baseline_run(store: Store):
    keep(
        store,
        [
            ("r0", Verdict.PASS, {}),
            ("r1", Verdict.FAIL, {"times_s": (0.2,) * 100}),
            ("r2", Verdict.INVALID, {}),
            ("r3", Verdict.PASS, {"scenario_hash": "other"}),
        ],
    )
    (series,) = store.series(SERVICE)
    assert [point.run_id for point in series.points] == ["r0", "r1", "r3"]
    assert series.values("p50_s") == pytest.approx([0.05, 0.2, 0.05], rel=2e-3)
    assert [point.target_version for point in series.points] == ["1.0.0", "1.1.0", "1.3.0"]
    assert [point.run_id for point in series.like(series.points[0].fingerprint).points] == ["r0", "r1"]
    store.approvals.approve("r1", approved_by="ada", why="")
    (since,) = store.series(SERVICE)
    assert [point.run_id for point in since.points] == ["r1", "r3"]
    (whole,) = store.series(SERVICE, whole=True)
    assert [point.run_id for point in whole.points] == ["r0", "r1", "r3"]
    assert store.series(SERVICE, scenarios=["nobody"]) == []
