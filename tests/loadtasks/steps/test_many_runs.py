"""Many nights, one after the other, kept and compared by the steps as the pipeline does it."""

import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadtasks import steps
from loadtasks.errors import BadInputError
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.regression import RegressionState
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.results.store import Store
from loadtasks.verdict.history.detector import NEEDED
from loadtasks.verdict.history.sensitivity import Sensitivity
from loadtasks.workspace import Workspace
from tests.measurements import STARTED_AT, measurement, run

DASHBOARD = "dashboard.concurrent"
SENSITIVE = Sensitivity(runs_per_false_alarm=100.0)
PATIENCE = 25
FIRST = STARTED_AT - timedelta(days=300)
QUIET = 25


class Nights:
    """Makes one night after the other: latencies around 50 ms, each night's mood and each request its own."""

    def __init__(self, folder: Path, number: int = 0) -> None:
        self.workspace = Workspace(folder, f"sqlite:///{folder}/results.db", folder, folder)
        self._random = np.random.default_rng(5 + number)
        self._number = number

    @property
    def tonight(self) -> datetime:
        """When the next night begins."""
        return FIRST + timedelta(days=self._number)

    def measure(self, slower: float = 1.0, tail: float = 1.0, *, version: str = "1.0.0", **changes: Any) -> str:
        """Keep one night, judged by its targets; gives the run's id."""
        run_id = f"night-{self._number:03d}"
        times_s = 0.05 * slower * self._random.lognormal(0, 0.03) * self._random.lognormal(0, 0.3, 300)
        times_s[np.argsort(times_s)[-30:]] *= tail
        with Store.open(self.workspace.results_url) as store:
            night = run(
                run_id,
                scenarios=[DASHBOARD],
                target_version=version,
                started_at=self.tonight,
                generator=changes.pop("generator", "a-host, loadtasks 0.1.0"),
            )
            store.open_run(night)
            store.save_measurements(run_id, DASHBOARD, [measurement(DASHBOARD, times_s=times_s.tolist(), **changes)])
        self._number += 1
        return run_id

    def judge(self, run_id: str) -> ScenarioVerdict:
        with Store.open(self.workspace.results_url) as store:
            store.save_verdicts(run_id, [ScenarioVerdict(scenario=DASHBOARD, verdict=Verdict.PASS)])
        steps.compare(self.workspace, run_id, SENSITIVE)
        with Store.open(self.workspace.results_url) as store:
            (verdict,) = store.verdicts(run_id)
            return verdict

    def one(self, *arguments: Any, **changes: Any) -> ScenarioVerdict:
        return self.judge(self.measure(*arguments, **changes))

    def several(self, number: int, *arguments: Any, **changes: Any) -> list[ScenarioVerdict]:
        return [self.one(*arguments, **changes) for _ in range(number)]

    def until_found(self, *arguments: Any, **changes: Any) -> list[ScenarioVerdict]:
        """Bad nights until one of them is found to be bad, and two more."""
        verdicts = []
        while not any(verdict.verdict is Verdict.REGRESSED for verdict in verdicts):
            assert len(verdicts) < PATIENCE, "a regression that is not found"
            verdicts.append(self.one(*arguments, **changes))
        return verdicts + self.several(2, *arguments, **changes)

    def regressions(self) -> list[Any]:
        with Store.open(self.workspace.results_url) as store:
            return store.regressions.all()


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ScenarioVerdict]]:
    """A folder with the results of 25 quiet nights, and their verdicts."""
    folder = tmp_path_factory.mktemp("quiet")
    return folder, Nights(folder).several(QUIET)


@pytest.fixture
def nights(quiet: tuple[Path, list[ScenarioVerdict]], tmp_path: Path) -> Nights:
    """The nights after those."""
    shutil.copytree(quiet[0], tmp_path, dirs_exist_ok=True)
    return Nights(tmp_path, QUIET)


def told(verdict: ScenarioVerdict, kind: FindingKind) -> list[str]:
    return [finding.sentence for finding in verdict.findings if finding.kind is kind]


def first_bad(verdicts: Sequence[ScenarioVerdict]) -> int:
    return next(number for number, each in enumerate(verdicts) if each.verdict is Verdict.REGRESSED)


def test_first_nights_say_how_many_are_still_needed(quiet: tuple[Path, list[ScenarioVerdict]]):
    verdicts = quiet[1]
    counts = [" ".join(told(verdict, FindingKind.HISTORY)) for verdict in verdicts[:NEEDED]]
    assert f"not compared: {NEEDED - 1} more nights of this kind are needed" in counts[0]
    assert "not compared: 1 more night of this kind is needed" in counts[-2]
    assert counts[-1] == ""
    assert {verdict.verdict for verdict in verdicts} == {Verdict.PASS}


def test_a_regression_is_found_once_with_its_first_night_versions_size_and_shape(nights: Nights):
    slow = nights.until_found(1.3, version="1.1.0")
    (found,) = nights.regressions()
    assert (found.scenario, found.state) == (DASHBOARD, RegressionState.OPEN)
    assert (found.first_run, found.version_before, found.version_after) == ("night-025", "1.0.0", "1.1.0")
    sizes = {change.metric: change for change in found.changes}
    assert sizes["p50_s"].low < 1.3 < sizes["p50_s"].high
    first = first_bad(slow)
    assert all(each.verdict is Verdict.REGRESSED for each in slow[first:])
    sentences = told(slow[-1], FindingKind.REGRESSION)
    assert any("since run night-025 (version 1.1.0; before it 1.0.0)" in sentence for sentence in sentences)
    assert any("all requests moved alike" in sentence for sentence in sentences if sentence.startswith("p50"))
    assert all("known since run" in each for each in told(slow[-1], FindingKind.REGRESSION))
    assert slow[-1].baseline_run == "night-024"


def test_only_the_tail_moved(nights: Nights):
    verdict = nights.until_found(1.0, 1.8)[-1]
    assert [each.partition(" ")[0] for each in told(verdict, FindingKind.REGRESSION)] == ["p95"]
    assert "the slow requests moved and the median did not" in told(verdict, FindingKind.REGRESSION)[0]


def test_people_are_woken_once(nights: Nights):
    mails = []
    for _ in range(PATIENCE):
        run_id = nights.measure(1.5)
        verdict = nights.judge(run_id).verdict
        where = steps.alert(nights.workspace, run_id, sender="a@b.c", recipients=["d@e.f"])
        mails.append((verdict, where is not None))
    assert mails[-1] == (Verdict.REGRESSED, False)
    assert [sent for verdict, sent in mails if verdict is Verdict.REGRESSED].count(True) == 1


def test_an_acknowledged_one_fails_no_more_and_is_told_as_known(nights: Nights):
    nights.until_found(1.5)
    (found,) = nights.regressions()
    steps.move_regression(nights.workspace, found.id, RegressionState.ACKNOWLEDGED, who="ada", why="index missing")
    verdict = nights.one(1.5)
    assert verdict.verdict is Verdict.PASS
    assert any("acknowledged by ada: index missing" in each for each in told(verdict, FindingKind.HISTORY))


def test_an_accepted_one_is_the_new_level_from_its_first_night_on(nights: Nights):
    nights.until_found(1.5)
    (found,) = nights.regressions()
    steps.move_regression(nights.workspace, found.id, RegressionState.ACCEPTED, who="ada", why="TLS")
    verdicts = nights.several(20, 1.5)
    assert {verdict.verdict for verdict in verdicts} == {Verdict.PASS}
    with Store.open(nights.workspace.results_url) as store:
        approved = store.baseline(DASHBOARD)
    assert approved is not None
    assert (approved.run_id, approved.approved_by, approved.why) == (found.first_run, "ada", "TLS")
    nights.until_found(2.2)
    assert [regression.state for regression in nights.regressions()] == [RegressionState.OPEN, RegressionState.ACCEPTED]


def test_one_that_is_gone_is_found_to_be_fixed(nights: Nights):
    nights.until_found(1.5)
    verdicts = nights.several(8)
    (found,) = nights.regressions()
    assert (found.state, found.moves[-1].who) == (RegressionState.FIXED, "automatic")
    assert any("back at its level" in each for verdict in verdicts for each in told(verdict, FindingKind.HISTORY))
    assert verdicts[-1].verdict is Verdict.PASS


def test_one_that_was_fixed_by_hand_leaves_no_trace_in_the_level(nights: Nights):
    nights.until_found(1.5)
    (found,) = nights.regressions()
    with Store.open(nights.workspace.results_url) as store:
        store.regressions.move(found.id, RegressionState.FIXED, who="ada", why="index", at=nights.tonight)
    verdict = nights.one()
    level = next(comparison.baseline for comparison in verdict.comparisons if comparison.metric == "p50_s")
    assert verdict.verdict is Verdict.PASS
    assert level == pytest.approx(0.05, rel=0.03)


def test_a_false_alarm_that_was_dismissed_is_not_raised_again_by_the_same_nights(nights: Nights):
    nights.until_found(1.25)
    (found,) = nights.regressions()
    steps.move_regression(nights.workspace, found.id, RegressionState.DISMISSED, who="ada", why="the network")
    assert {each.verdict for each in nights.several(5)} == {Verdict.PASS}
    assert len(nights.regressions()) == 1


def test_an_improvement_is_told_once_and_becomes_the_level(nights: Nights):
    verdicts = nights.several(PATIENCE, 0.6)
    assert [verdict.verdict for verdict in verdicts].count(Verdict.IMPROVED) >= 1
    assert nights.several(20, 0.6)[-1].verdict is Verdict.PASS
    nights.until_found(1.0)
    assert nights.regressions()[0].state is RegressionState.OPEN


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"scenario_hash": "other"}, "what is sent has changed"),
        ({"load": "9 requests"}, "its load is 9 requests, not 100 requests, 10 workers"),
        ({"generator": "b-host"}, "its load was made by b-host, not by a-host, loadtasks 0.1.0"),
    ],
)
def test_a_night_of_another_kind_begins_a_level_and_says_so(nights: Nights, changes: dict[str, str], reason: str):
    verdict = nights.one(3.0, **changes)
    sentences = told(verdict, FindingKind.HISTORY)
    assert f"not compared: since run night-024 {reason}, so a new level begins" in sentences
    assert (verdict.verdict, verdict.comparisons) == (Verdict.PASS, [])


def test_whoever_would_be_told_worse_is_measured_again_first(nights: Nights):
    assert steps.suspects(nights.workspace, nights.measure(0.9), SENSITIVE) == {}
    for _ in range(PATIENCE):
        run_id = nights.measure(1.5)
        suspects = steps.suspects(nights.workspace, run_id, SENSITIVE)
        if nights.judge(run_id).verdict is Verdict.REGRESSED:
            break
    assert suspects == {DASHBOARD: RepetitionReason.SUSPECT}


def test_a_known_regression_is_not_measured_again(nights: Nights):
    nights.until_found(1.5)
    assert steps.suspects(nights.workspace, nights.measure(1.5), SENSITIVE) == {}


def test_comparing_a_run_anew_gives_the_same_again(nights: Nights):
    slow = nights.until_found(1.5)
    before = nights.regressions()
    found_in = before[0].found_run
    again = nights.judge(found_in)
    assert again == slow[int(found_in[-3:]) - QUIET]
    assert [(regression.scenario, regression.changes) for regression in nights.regressions()] == [
        (each.scenario, each.changes) for each in before
    ]


def test_a_back_test_shows_which_alarms_would_have_come(nights: Nights):
    nights.several(12, 1.12)
    sure = steps.backtest(nights.workspace, Sensitivity(runs_per_false_alarm=1e9))
    loose = steps.backtest(nights.workspace, Sensitivity(runs_per_false_alarm=10))
    floored = steps.backtest(nights.workspace, Sensitivity(runs_per_false_alarm=10, min_effect=0.5))
    assert {each.metric for each in loose} >= {"p50_s"}
    assert len(sure) < len(loose)
    assert floored == []


def test_a_regression_that_can_t_move_on_so_is_told_in_a_sentence(nights: Nights):
    with pytest.raises(BadInputError, match="there is no regression 3"):
        steps.move_regression(nights.workspace, 3, RegressionState.ACCEPTED, who="ada", why="")
