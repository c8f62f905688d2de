"""Two databases brought together are as one in which everything had been made."""

from pathlib import Path
from random import Random

import pytest

from loadtasks.results.regression import AUTOMATIC, RegressionState
from tests.measurements import STARTED_AT
from tests.merged_results import Runner, live


def copied(runner: Runner, folder: Path, name: str) -> Runner:
    """A new machine that took over what another one has."""
    copy = Runner(folder, name, first_day=runner.day)
    copy.take(runner)
    return copy


@pytest.mark.parametrize("seed", range(6))
def test_databases_that_grew_apart(tmp_path: Path, seed: int) -> None:
    chance = Random(seed)
    common = Runner(tmp_path, "common")
    live(common, chance, 5)
    a, b = copied(common, tmp_path, "a"), copied(common, tmp_path, "b")
    assert a.dump() == common.dump() == b.dump(), "an export into an empty database is the same database"
    live(a, chance, 6)
    live(b, chance, 6)
    a_export, b_export = a.export("first.db.gz"), b.export("first.db")
    a.take(b_export)
    b.take(a_export)
    a_state, b_state = a.state(), b.state()
    for what in a_state:
        assert a_state[what] == b_state[what], what
    before = a.dump()
    for again in (b_export, a_export, a.export()):
        assert all(merged.is_nothing for _, merged in a.take(again).files)
    assert a.dump() == before, "a file that is imported twice is kept once"


def test_what_two_runners_found_is_one_history_and_one_regression(url: str, tmp_path: Path) -> None:
    a, b = Runner(tmp_path, "a", results_url=url), Runner(tmp_path, "b")
    for day in (1, 3, 5):
        a.run_on(day)
        b.run_on(day + 1)
    b.run_on(8, started_at=STARTED_AT)  # its clock was set back
    b.run_on(9)
    a.regress("a-3", "a-5")
    number = b.regress("b-2", "b-4")
    b.move(number, RegressionState.ACKNOWLEDGED, "bea")
    a.move(1, RegressionState.DISMISSED, "ada")
    a.take(b)
    with a.store as store:
        assert store.run_ids() == ["b-9", "b-8", "b-6", "a-5", "b-4", "a-3", "b-2", "a-1"]
        (regression,) = store.regressions.all()
        assert (regression.id, regression.first_run, regression.found_run) == (1, "b-2", "b-4")
        assert [(move.state, move.who) for move in regression.moves] == [
            (RegressionState.OPEN, AUTOMATIC),
            (RegressionState.ACKNOWLEDGED, "bea"),
            (RegressionState.DISMISSED, "ada"),
        ]
        assert [(one.run_id, one.approved_by) for one in store.approvals(regression.service)] == [("a-1", AUTOMATIC)]
    a.run_on(10)  # PostgreSQL, too, goes on counting after what was written with its number
    assert a.regress("a-10", "a-10") == 2
    b.take(a)
    assert b.state()["regressions"] == a.state()["regressions"]
