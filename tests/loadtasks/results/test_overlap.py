"""Runs that were under way at the same time."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from loadtasks.results.judgement import Verdict
from loadtasks.results.store import Store
from tests.measurements import SERVICE, STARTED_AT, failure, measurement, run

FIRST, SECOND = "dashboard.first", "dashboard.second"
OTHER = {"service": "another", "generator": "b-host"}


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path_factory.mktemp('overlap') / 'results.db'}") as opened:
        yield opened


def keep(
    store: Store, run_id: str, begins_s: dict[str, float], *, ended: bool = True, opened_s: float = 0.0, **changes: Any
) -> None:
    """Keep a run whose scenarios last 10 s each, from these seconds on."""
    opened = STARTED_AT + timedelta(seconds=opened_s)
    store.open_run(run(run_id, scenarios=[FIRST, SECOND], started_at=opened, **changes))
    for scenario, begin_s in begins_s.items():
        began = STARTED_AT + timedelta(seconds=begin_s)
        store.save_measurements(run_id, scenario, [measurement(scenario, started_at=began, elapsed_s=10.0)])
    if ended:
        store.close_run(run_id, Verdict.PASS, opened + timedelta(minutes=1))


def names(store: Store, run_id: str) -> dict[str, list[str]]:
    return {
        scenario: [overlap.other_run for overlap in overlaps]
        for scenario, overlaps in store.overlapping_runs(run_id).items()
    }


def test_each_is_named_to_the_scenarios_of_the_other_that_it_met(store: Store) -> None:
    keep(store, "a", {FIRST: 0, SECOND: 15})
    keep(store, "b", {FIRST: 20, SECOND: 30})
    keep(store, "later", {FIRST: 3600})
    assert names(store, "a") == {SECOND: ["b"]}
    assert names(store, "b") == {FIRST: ["a"]}
    assert names(store, "later") == {}


@pytest.mark.parametrize(
    ("changes", "shared"),
    [
        ({}, (True, True)),
        ({"service": "another"}, (False, True)),
        ({"generator": "b-host"}, (True, False)),
        (OTHER, None),
    ],
)
def test_only_a_run_of_the_service_or_on_the_generator_disturbs(
    store: Store, changes: dict[str, str], shared: tuple[bool, bool] | None
) -> None:
    keep(store, "a", {FIRST: 0})
    keep(store, "b", {FIRST: 5}, **changes)
    overlaps = store.overlapping_runs("a").get(FIRST, [])
    assert [(overlap.same_service, overlap.same_generator) for overlap in overlaps] == ([shared] if shared else [])
    assert {overlap.other_service for overlap in overlaps} <= {changes.get("service", SERVICE)}


def test_one_that_measures_its_first_scenario_is_seen(store: Store) -> None:
    keep(store, "before", {}, ended=False)
    keep(store, "a", {FIRST: 5}, ended=False)
    keep(store, "since", {}, ended=False, opened_s=8)
    keep(store, "after", {}, ended=False, opened_s=20)
    assert names(store, "a") == {FIRST: ["before", "since"]}
    assert [overlap.ended for overlap in store.overlapping_runs("a")[FIRST]] == [False, False]


def test_one_that_has_measured_everything_or_was_killed_long_ago_is_not(store: Store) -> None:
    keep(store, "killed", {}, ended=False, opened_s=-7200)
    keep(store, "judging", {FIRST: -60, SECOND: -30}, ended=False, opened_s=-60)
    keep(store, "failing", {FIRST: -60}, ended=False, opened_s=-60)
    store.save_failure("failing", SECOND, failure())
    keep(store, "wrong clock", {}, ended=False, opened_s=315_360_000)
    keep(store, "a", {FIRST: 0})
    assert names(store, "a") == {}


def test_a_run_that_measured_nothing_met_nobody(store: Store) -> None:
    keep(store, "a", {FIRST: 0})
    keep(store, "b", {})
    assert names(store, "b") == {}
