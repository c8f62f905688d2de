"""Old runs pruned: which are, and what is left of one."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from loadtasks.errors import BadInputError
from loadtasks.measurement.pruned_histogram import PrunedHistogram
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.pairing import Pairing
from loadtasks.results.pruning import KeptBecause
from loadtasks.results.regression import RegressionState
from loadtasks.results.repetitions import Repetition
from loadtasks.results.store import Store
from tests.loadtasks.results.test_message_store import saved
from tests.loadtasks.verdict.reference.rounds import round_ratios
from tests.measurements import SERVICE, STARTED_AT, exemplar, failure, measurement, run
from tests.stored_runs import stored_regression

DASHBOARD = "dashboard.concurrent"
LATER = STARTED_AT + timedelta(days=200)
RECENT = LATER + timedelta(days=1)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as opened:
        yield opened


def keep(store: Store, *run_ids: str, ended: bool = True, pairing: Pairing | None = None, **changes: Any) -> None:
    for run_id in run_ids:
        store.open_run(run(run_id, scenarios=[DASHBOARD], **changes))
        made = measurement(DASHBOARD, in_flight=2, exemplars=[exemplar()])
        store.save_measurements(run_id, DASHBOARD, [made], pairing=pairing)
        store.save_verdicts(run_id, [ScenarioVerdict(scenario=DASHBOARD, verdict=Verdict.PASS)])
        if ended:
            store.close_run(run_id, Verdict.PASS, STARTED_AT)


def prunable(store: Store, service: str | None = None) -> list[str]:
    return [found.id for found in store.old_runs(RECENT, LATER, service).prunable]


def test_metrics_are_left_and_histograms_are_gone(store: Store) -> None:
    keep(store, "old", "newest")
    store.add_repetition("old", DASHBOARD, Repetition(number=2, measurements=[measurement(DASHBOARD)]))
    store.save_verdicts("old", [ScenarioVerdict(scenario=DASHBOARD, verdict=Verdict.PASS)])
    before, history = store.measurements("old"), store.history(SERVICE, DASHBOARD)
    repeated = [again.badness for again in store.repetitions("old", DASHBOARD)]
    assert store.prune_run("old", LATER)
    (whole,), (left,) = before, store.measurements("old")
    assert left.metrics == whole.metrics
    assert left.response.count == whole.response.count
    assert all(isinstance(kept, PrunedHistogram) for kept in (left.response, left.service, left.send_lag))
    assert left.exemplars == []
    gone = {"response", "service", "send_lag", "exemplars", "metrics"}
    assert left.model_dump(exclude=gone) == whole.model_dump(exclude=gone)
    assert store.history(SERVICE, DASHBOARD) == history
    assert [again.badness for again in store.repetitions("old", DASHBOARD)] == repeated
    assert store.verdicts("old") == [ScenarioVerdict(scenario=DASHBOARD, verdict=Verdict.PASS)]
    assert store.pruned() == {"old": LATER}


def test_what_was_sent_is_forgotten_and_what_is_pending_is_not(store: Store) -> None:
    keep(store, "old", "newest")
    sent, pending = (saved(store, number, run_id="old") for number in (1, 2))
    store.messages.deliver(sent.id, "a@example.org")
    store.prune_run("old", LATER)
    assert [one.content for one in store.messages.of_run("old")] == ["", pending.content]
    assert pending.content


def test_it_is_done_once(store: Store) -> None:
    keep(store, "old", "newest")
    assert prunable(store) == ["old"]
    assert [store.prune_run("old", at) for at in (LATER, RECENT)] == [True, False]
    assert (prunable(store), store.pruned()) == ([], {"old": LATER})
    assert not store.prune_run("gone", LATER)


def test_rounds_are_gone_and_why_there_were_none_is_left(store: Store) -> None:
    paired = Pairing(reference=[measurement(DASHBOARD)], round_ratios=[round_ratios()])
    keep(store, "with", pairing=paired)
    keep(store, "without", pairing=Pairing(problem="it is down"))
    keep(store, "newest")
    for run_id in ("with", "without"):
        store.prune_run(run_id, LATER)
    assert store.pairings("with") == {}
    assert store.pairings("without") == {DASHBOARD: Pairing(problem="it is down")}


def test_what_is_still_needed_is_kept_whole(store: Store) -> None:
    keep(store, "baseline")
    store.approvals.approve_first("baseline")
    keep(store, "plain", "before", "first", "found")
    number = stored_regression(store, "first", "found")
    keep(store, "killed", ended=False)
    keep(store, "elsewhere", service="another")
    keep(store, "newest")
    keep(store, "recent", started_at=RECENT, service="third")
    old = store.old_runs(RECENT, LATER)
    assert [found.id for found in old.prunable] == ["plain"]
    assert old.kept == {
        "baseline": KeptBecause.BASELINE,
        "before": KeptBecause.REGRESSION,
        "first": KeptBecause.REGRESSION,
        "found": KeptBecause.REGRESSION,
        "killed": KeptBecause.NOT_ENDED,
        "elsewhere": KeptBecause.NEWEST,
        "newest": KeptBecause.NEWEST,
    }
    assert not any(store.prune_run(run_id, LATER) for run_id in old.kept)
    store.regressions.move(number, RegressionState.ACKNOWLEDGED, who="ann", why="")
    assert prunable(store) == ["plain"]
    store.regressions.move(number, RegressionState.FIXED, who="ann", why="")
    assert prunable(store) == ["plain", "before", "first", "found"]


def test_one_service_can_be_named(store: Store) -> None:
    keep(store, "a", "b")
    keep(store, "c", "d", service="another")
    assert (prunable(store, "another"), prunable(store)) == (["c"], ["a", "c"])


def test_a_pruned_run_takes_no_measurement(store: Store) -> None:
    keep(store, "old", "newest")
    store.prune_run("old", LATER)
    again = Repetition(number=2, measurements=[measurement(DASHBOARD)])
    for save in (
        lambda: store.save_measurements("old", DASHBOARD, [measurement(DASHBOARD)]),
        lambda: store.add_repetition("old", DASHBOARD, again),
        lambda: store.save_failure("old", DASHBOARD, failure()),
    ):
        with pytest.raises(BadInputError, match="run old was pruned on 2027-06-12: nothing can be added to it"):
            save()
    store.open_run(run("old"))
    assert store.pruned() == {}


def test_an_sqlite_file_shrinks_once_much_of_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "results.db"

    def pages(pragma: str = "page_count") -> int:
        with closing(sqlite3.connect(path)) as connection:
            (number,) = connection.execute(f"PRAGMA {pragma}").fetchone()
            return int(number)

    with Store.open(f"sqlite:///{path}") as store:
        keep(store, *map(str, range(40)))
        store.remove_run("0")
        before = pages()
        store.give_back_space()
        assert pages() == before
        for number in range(1, 39):
            store.remove_run(str(number))
        assert pages("freelist_count") > 0.1 * before
        store.give_back_space()
        assert pages() < 0.9 * before
        assert pages("freelist_count") == 0
        assert path.stat().st_size == pages() * pages("page_size")
        assert store.run_ids() == ["39"]
