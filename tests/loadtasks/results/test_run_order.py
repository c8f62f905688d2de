"""The order of runs: by their numbers, whatever their dates and whichever were deleted."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from loadtasks.results.run_order import is_clock_ahead, plausible_dates
from loadtasks.results.store import Store
from tests.measurements import STARTED_AT, run

DAY = timedelta(days=1)
YEARS = timedelta(days=1461)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as opened:
        yield opened


def dated(*days: float) -> list[datetime]:
    return [STARTED_AT + timedelta(days=number) for number in days]


def test_no_number_is_given_twice(store: Store) -> None:
    for run_id in ("one", "two"):
        store.open_run(run(run_id))
    store.remove_run("two")
    assert store.open_run(run("three")).sequence == 3
    assert store.open_run(run("one")).sequence == 4, "opened again, it is the newest one"
    assert store.run_ids() == ["one", "three"]


def test_runs_that_are_opened_at_once_have_numbers_of_their_own(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda number: store.open_run(run(f"run-{number}")), range(12)))
    assert sorted(found.sequence for found in opened) == list(range(1, 13))


def test_a_deleted_sequence_goes_on_after_the_newest_run(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    with Store.open(f"sqlite:///{path}") as store:
        store.open_run(run("one"))
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("DELETE FROM run_sequence")
        assert store.open_run(run("two")).sequence == 2


def test_a_clock_that_went_back_is_seen_from_the_run_on_that_has_the_right_one(store: Store) -> None:
    for number, ahead in enumerate((timedelta(), YEARS, YEARS + DAY, timedelta(), DAY)):
        store.open_run(run(f"run-{number}", started_at=STARTED_AT + number * DAY + ahead))
    store.open_run(run("elsewhere", service="another"))
    assert [store.clock_went_back(f"run-{number}") for number in (0, 1, 2)] == [None] * 3
    assert store.clock_went_back("elsewhere") is None
    for run_id in ("run-3", "run-4"):
        found = store.clock_went_back(run_id)
        assert found is not None
        assert (found.other_run, found.runs, found.started_at) == ("run-2", 2, store.run(run_id).started_at)


def test_runs_that_were_opened_within_minutes_may_be_dated_the_other_way_round(store: Store) -> None:
    store.open_run(run("one", started_at=STARTED_AT + timedelta(minutes=9)))
    store.open_run(run("two"))
    assert store.clock_went_back("two") is None


@pytest.mark.parametrize(
    ("own", "found"),
    [
        ((0, 1, -9000, 3, 4), (0, 1, 1, 3, 4)),
        ((0, 1, 1461, 3, 4), (1, 1, 3, 3, 4)),
        ((-9000, 1, 2), (1, 1, 2)),
        ((0, 1, 2, 400, 401), (1, 1, 2, 400, 401)),
        ((), ()),
    ],
    ids=["long ago", "in the future", "the first", "a pause", "none"],
)
def test_a_date_that_can_not_be_right_is_that_of_the_neighbours(own: tuple[float], found: tuple[float]) -> None:
    assert plausible_dates(dated(*own), STARTED_AT + 500 * DAY) == dated(*found)


def test_a_clock_by_which_all_runs_are_old_may_be_wrong() -> None:
    before = STARTED_AT + 100 * DAY
    assert is_clock_ahead(dated(0, 1, 2, 3), before)
    assert is_clock_ahead(dated(0, 1, 2, 1461), before), "the run of the wrong clock proves nothing"
    assert not is_clock_ahead(dated(0, 1, 200, 201), before)
    assert not is_clock_ahead([], before)
