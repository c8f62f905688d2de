"""Two databases brought together are as one in which everything had been made."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import numpy as np
import pytest

from loadtasks import steps
from loadtasks.errors import BadInputError
from loadtasks.results.judgement import Verdict
from loadtasks.results.message import MessageState
from loadtasks.results.regression import AUTOMATIC, RegressionState
from loadtasks.steps import Selection
from tests.measurements import SERVICE, STARTED_AT, measurement, run
from tests.merged_results import Runner, live
from tests.stored_runs import DASHBOARD, missed, verdict_of

pytestmark = pytest.mark.slow


def copied(runner: Runner, folder: Path, name: str) -> Runner:
    """A new machine that took over what another one has."""
    copy = Runner(folder, name, first_day=runner.day)
    copy.take(runner)
    return copy


def test_databases_that_grew_apart(tmp_path: Path) -> None:
    chance = Random(14)
    common = Runner(tmp_path, "common")
    live(common, chance, 3)
    a, b = copied(common, tmp_path, "a"), copied(common, tmp_path, "b")
    assert a.dump() == common.dump() == b.dump(), "an export into an empty database is the same database"
    live(a, chance, 4)
    live(b, chance, 3)
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
        assert [(one.run_id, one.approved_by) for one in store.approvals.standing(regression.service)] == [
            ("a-1", AUTOMATIC)
        ]
    with b.store as store:  # it knows of a's dismissal no more than a knew of this
        store.regressions.move(number, RegressionState.ACCEPTED, why="nobody answered", run_id="b-9")
    a.run_on(10)  # PostgreSQL, too, goes on counting after what was written with its number
    assert a.regress("a-10", "a-10") == 2
    b.take(a)
    assert b.state()["regressions"] == a.state()["regressions"]


def test_the_next_run_is_judged_as_if_all_had_been_made_in_one_database(tmp_path: Path) -> None:
    one, a, b = (Runner(tmp_path, name) for name in ("one", "a", "b"))
    chance = np.random.default_rng(3)
    days = range(1, 21)
    slow = {day: 1.0 if day < 15 else 1.5 for day in days}
    times_s = {day: slow[day] * chance.lognormal(-3, 0.03) * chance.lognormal(0, 0.3, 100) for day in days}
    measured = {day: measurement(DASHBOARD, times_s=times_s[day].tolist()) for day in days}
    for runner, own in ((one, days), (a, days[::2]), (b, days[1::2])):
        runner.run_often({day: measured[day] for day in own})
    a.take(b)
    verdicts = []
    for runner in (one, a):
        run_id = runner.run_on(21, run_id="run-21", measured=measured[20])
        assert steps.compare(runner.context, run_id) is Verdict.REGRESSED
        with runner.store as store:
            verdicts.append(
                (store.verdicts(run_id), store.regressions.all()[0].first_run, store.approvals.current()[0].run_id)
            )
    assert verdicts[0] == verdicts[1]
    assert verdicts[0][1:] == ("run-15", "run-1")


def test_nothing_is_mailed_twice_or_lost(tmp_path: Path) -> None:
    a = Runner(tmp_path, "a")
    a.alert(a.run_on(1, missed()))
    b = copied(a, tmp_path, "b")
    assert b.alert(b.run_on(2, missed())) is None, "what it reports was reported"
    with a.store as store:
        (delivered,) = a.messages
        changes = {"message_id": "<later@a>", "state": MessageState.PENDING, "next_attempt_at": STARTED_AT}
        store.messages.save(delivered.model_copy(update=changes))
    c = copied(a, tmp_path, "c")
    c.alert(c.run_on(3))  # delivers what is pending, and that the target is met again
    assert c.states == ["delivered"] * 3
    c.take(a)
    a.take(c)
    assert a.states == c.states == ["delivered"] * 3, "the settled state stands"
    assert b.take(c).files[0][1].messages == 2
    assert b.alert(b.run_on(4)) is None, "that it is over was reported, too"


def test_a_pending_mail_to_other_people_is_not_sent(tmp_path: Path) -> None:
    a, b = Runner(tmp_path, "a"), Runner(tmp_path, "b")
    with a.store as store:
        a.alert(a.run_on(1, missed()))
        (message,) = a.messages
        changes = {"message_id": "<1@a>", "state": MessageState.PENDING, "recipients": ["somebody@example.org"]}
        store.messages.save(message.model_copy(update=changes))
    b.take(a)
    assert b.states == ["delivered", "given_up"]


def test_a_run_that_was_deleted_stays_deleted_and_one_that_was_pruned_stays_pruned(tmp_path: Path) -> None:
    a = Runner(tmp_path, "a")
    for day in (1, 2, 3, 4):
        a.run_on(day)
    b = copied(a, tmp_path, "b")
    with a.store as store:
        store.remove_run("a-2")
        assert store.prune_run("a-3", STARTED_AT)
    ((_, taken),) = a.take(b).files
    assert (taken.left_out, taken.new) == (1, 0)
    ((_, given),) = b.take(a).files
    assert given.removed == ["a-2"]
    for runner, pruned in ((a, ["a-3"]), (b, [])):
        with runner.store as store:
            assert store.run_ids() == ["a-4", "a-3", "a-1"]
            assert list(store.pruned()) == pruned, "a run that is whole here stays whole"
    c = copied(a, tmp_path, "c")
    c.run_on(5, run_id="a-2", started_at=datetime.now(UTC))  # made anew since
    a.take(c)
    with a.store as store:
        assert store.run_ids() == ["a-2", "a-4", "a-3", "a-1"]


def test_the_newer_copy_of_a_run_stands(tmp_path: Path) -> None:
    a = Runner(tmp_path, "a")
    a.run_on(1)
    with a.store as store:
        store.open_run(run("open", scenarios=[DASHBOARD]))
    b = copied(a, tmp_path, "b")
    with b.store as store:
        store.save_verdicts("a-1", [verdict_of(DASHBOARD, [missed()])])
        store.close_run("a-1", Verdict.FAIL, STARTED_AT)
        store.approvals.withdraw("a-1", approved_by=AUTOMATIC)
        store.save_verdicts("open", [verdict_of(DASHBOARD, [])])
        store.close_run("open", Verdict.PASS, STARTED_AT)
    older = a.export()
    ((_, taken),) = a.take(b).files
    assert (taken.new, taken.replaced) == (0, 2)
    assert b.take(older).files[0][1].is_nothing
    for runner in (a, b):
        with runner.store as store:
            assert [verdict for _, verdict in store.runs()] == [Verdict.PASS, Verdict.FAIL]
            assert store.approvals.current() == []


def test_either_all_files_are_imported_or_none(tmp_path: Path) -> None:
    a, b, c = (Runner(tmp_path, name) for name in ("a", "b", "c"))
    a.run_on(1)
    b.run_on(1)
    c.run_on(1, run_id="a-1", service="another")
    before = a.dump()
    with pytest.raises(BadInputError, match="two runs can't have one id"):
        a.take(b, c)
    broken = tmp_path / "broken"
    broken.write_bytes(b.export().read_bytes()[:-100])
    with pytest.raises(BadInputError, match="was cut"):
        a.take(b, broken)
    assert a.dump() == before


def test_a_part_is_exported_with_what_later_verdicts_need(tmp_path: Path) -> None:
    a = Runner(tmp_path, "a")
    for day in range(1, 9):
        a.run_on(day)
    a.run_on(9, service="another")
    number = a.regress("a-3", "a-4")
    sizes = {}
    for name, selection, kept in (
        ("whole", Selection(service=SERVICE), [1, 2, 3, 4, 5, 6, 7, 8]),
        ("newest", Selection(service=SERVICE, newest=2), [1, 2, 3, 4, 7, 8]),
        ("since", Selection(since=STARTED_AT + timedelta(days=8)), [1, 2, 3, 4, 8, 9]),
        ("pruned", Selection(service=SERVICE, pruned=True), [1, 2, 3, 4, 5, 6, 7, 8]),
    ):
        path = a.export(f"{name}.db", selection)
        with closing(sqlite3.connect(path)) as exported:  # of the content: a database grows by whole pages
            (sizes[name],) = exported.execute("select sum(length(coalesce(response, ''))) from measurements").fetchone()
        b = Runner(tmp_path, name)
        b.take(path)
        with b.store as store:
            assert store.run_ids()[::-1] == [f"a-{day}" for day in kept], name
            assert list(store.pruned()) == (["a-5", "a-6", "a-7"] if name == "pruned" else [])
            assert store.regressions.find(number).found_run == "a-4"
    assert sizes["pruned"] < sizes["whole"]
    with pytest.raises(BadInputError, match="no run of nobody"):
        a.export("none.db", Selection(service="nobody"))
    c = Runner(tmp_path, "c")
    c.take(a, service="another")
    with c.store as store:
        assert (store.run_ids(), store.regressions.all()) == (["a-9"], [])


def test_an_export_takes_the_place_of_an_earlier_one_only(tmp_path: Path) -> None:
    a = Runner(tmp_path, "a")
    with pytest.raises(BadInputError, match="no run to export"):
        a.export()
    a.run_on(1)
    assert a.export() == a.export()
    (a.folder / "results.json").write_text("{}")
    (a.folder / "folder").mkdir()
    for name in ("results.json", "folder"):
        with pytest.raises(BadInputError, match="no earlier export"):
            a.export(name)
    with pytest.raises(BadInputError, match="the results database itself"):
        a.export("../a/results.db")
    with pytest.raises(BadInputError, match="there is no folder"):
        a.export("missing/export.db")
    assert not list(a.folder.glob("*.partial"))
