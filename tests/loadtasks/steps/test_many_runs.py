"""Many runs, one after the other, kept and compared by the steps as the pipeline does it."""

import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadtasks import steps
from loadtasks.errors import BadInputError
from loadtasks.report.listings import render_changes
from loadtasks.report.sentences import sentence as render_sentence
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import Shape
from loadtasks.results.fingerprint import FingerprintField
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.regression import RegressionState
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.results.store import Store
from loadtasks.verdict.history.baselines import MIN_BASELINE_RUNS
from tests.measurements import STARTED_AT, measurement, run
from tests.workspaces import SHIPPED_SCENARIOS, context_of

pytestmark = pytest.mark.slow

DASHBOARD = "dashboard.concurrent"
MAX_RUNS_UNTIL_FOUND = 25
FIRST = STARTED_AT - timedelta(days=300)
QUIET = 25


class RunSeries:
    """Makes one run after the other: latencies around 50 ms that vary from run to run and from request to request."""

    def __init__(self, folder: Path, number: int = 0) -> None:
        self.context = context_of(
            var=folder, scenarios=SHIPPED_SCENARIOS, expectations=folder, runs_per_false_alarm=100
        )
        self._random = np.random.default_rng(5 + number)
        self._number = number

    @property
    def next_start(self) -> datetime:
        """When the next run begins."""
        return FIRST + timedelta(days=self._number)

    def measure(self, slower: float = 1.0, tail: float = 1.0, *, version: str = "1.0.0", **changes: Any) -> str:
        """Keep one run, not judged yet. Returns its id."""
        run_id = f"run-{self._number:03d}"
        times_s = 0.05 * slower * self._random.lognormal(0, 0.03) * self._random.lognormal(0, 0.3, 300)
        times_s[np.argsort(times_s)[-30:]] *= tail
        with Store.open(self.context.workspace.results_url) as store:
            opened = run(
                run_id,
                scenarios=[DASHBOARD],
                target_version=version,
                started_at=self.next_start,
                generator=changes.pop("generator", "a-host"),
            )
            store.open_run(opened)
            store.save_measurements(run_id, DASHBOARD, [measurement(DASHBOARD, times_s=times_s.tolist(), **changes)])
        self._number += 1
        return run_id

    def judge(self, run_id: str) -> ScenarioVerdict:
        """Compare a run that meets its targets. Returns the scenario's verdict."""
        with Store.open(self.context.workspace.results_url) as store:
            store.save_verdicts(run_id, [ScenarioVerdict(scenario=DASHBOARD, verdict=Verdict.PASS)])
        steps.compare(self.context, run_id)
        with Store.open(self.context.workspace.results_url) as store:
            (verdict,) = store.verdicts(run_id)
            return verdict

    def one(self, *arguments: Any, **changes: Any) -> ScenarioVerdict:
        return self.judge(self.measure(*arguments, **changes))

    def several(self, number: int, *arguments: Any, **changes: Any) -> list[ScenarioVerdict]:
        return [self.one(*arguments, **changes) for _ in range(number)]

    def until_found(self, *arguments: Any, **changes: Any) -> list[ScenarioVerdict]:
        """Slow runs until one of them is a regression, and two more."""
        verdicts = []
        while not any(verdict.verdict is Verdict.REGRESSED for verdict in verdicts):
            assert len(verdicts) < MAX_RUNS_UNTIL_FOUND, "a regression that is not found"
            verdicts.append(self.one(*arguments, **changes))
        return verdicts + self.several(2, *arguments, **changes)

    def regressions(self) -> list[Any]:
        with Store.open(self.context.workspace.results_url) as store:
            return store.regressions.all()


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ScenarioVerdict]]:
    """A folder with the results of 25 comparable runs, and their verdicts."""
    folder = tmp_path_factory.mktemp("quiet")
    return folder, RunSeries(folder).several(QUIET)


@pytest.fixture
def runs(quiet: tuple[Path, list[ScenarioVerdict]], tmp_path: Path) -> RunSeries:
    """The runs after those."""
    shutil.copytree(quiet[0], tmp_path, dirs_exist_ok=True)
    return RunSeries(tmp_path, QUIET)


def found(verdict: ScenarioVerdict, code: FindingCode) -> list[Finding]:
    return [finding for finding in verdict.findings if finding.code is code]


def first_regressed(verdicts: Sequence[ScenarioVerdict]) -> int:
    return next(number for number, verdict in enumerate(verdicts) if verdict.verdict is Verdict.REGRESSED)


def test_first_runs_say_how_many_the_baseline_still_needs(quiet: tuple[Path, list[ScenarioVerdict]]):
    verdicts = quiet[1]
    missing = [
        [finding.parameters.missing_runs for finding in found(verdict, FindingCode.BASELINE_TOO_SHORT)]
        for verdict in verdicts[:MIN_BASELINE_RUNS]
    ]
    assert missing == [[MIN_BASELINE_RUNS - 1 - number] for number in range(MIN_BASELINE_RUNS - 1)] + [[]]
    assert {verdict.verdict for verdict in verdicts} == {Verdict.PASS}


def test_a_regression_is_found_once_with_its_change_point_versions_size_and_shape(runs: RunSeries):
    slow = runs.until_found(1.3, version="1.1.0")
    (regression,) = runs.regressions()
    assert (regression.scenario, regression.state) == (DASHBOARD, RegressionState.OPEN)
    assert (regression.first_run, regression.version_before, regression.version_after) == ("run-025", "1.0.0", "1.1.0")
    sizes = {change.metric: change for change in regression.changes}
    assert sizes["p50_s"].low < 1.3 < sizes["p50_s"].high
    first = first_regressed(slow)
    assert all(verdict.verdict is Verdict.REGRESSED for verdict in slow[first:])
    shifts = {finding.metric: finding.parameters for finding in found(slow[-1], FindingCode.REGRESSION)}
    assert shifts["p50_s"].shape is Shape.WHOLE_DISTRIBUTION
    for shift in shifts.values():
        assert (shift.first_run, shift.version_before, shift.version_after) == ("run-025", "1.0.0", "1.1.0")
        assert (shift.regression, shift.found_run) == (regression.id, regression.found_run)
    assert {finding.parameters.regression for finding in found(slow[first], FindingCode.REGRESSION)} == {regression.id}
    assert slow[-1].baseline_run == "run-024"


def test_only_the_tail_shifted(runs: RunSeries):
    verdict = runs.until_found(1.0, 1.8)[-1]
    (finding,) = found(verdict, FindingCode.REGRESSION)
    assert (finding.metric, finding.parameters.shape) == ("p95_s", Shape.TAIL_ONLY)


def test_errors_where_there_were_none_are_a_regression_of_the_error_rate(runs: RunSeries):
    verdict = runs.until_found(failed=6)[-1]
    (finding,) = found(verdict, FindingCode.REGRESSION)
    (regression,) = runs.regressions()
    errors = finding.parameters.errors
    assert (finding.metric, regression.first_run) == ("success_rate", "run-025")
    assert (errors.failed_before, errors.requests_before, errors.rate) == (0, QUIET * 300, pytest.approx(6 / 306))
    assert regression.changes[0].errors.rate == errors.rate
    assert render_changes(regression.changes).startswith("error rate 0 → 2.0 % (")
    sentence = render_sentence(finding)
    assert sentence.startswith("the error rate rose from 0 to 2.0 % (95 % CI 1.")
    assert f"{errors.failed} of {errors.requests:,} requests, since" in sentence


def test_people_are_alerted_once_and_reminded_weekly(runs: RunSeries):
    mailed = {}
    for _ in range(MAX_RUNS_UNTIL_FOUND):
        run_id = runs.measure(1.5)
        runs.judge(run_id)
        steps.alert(runs.context, run_id)
    with Store.open(runs.context.workspace.results_url) as store:
        for message in store.messages.newest_first()[::-1]:
            mailed.setdefault(message.subject[1:].partition("]")[0], []).append(message.run_started_at)
    (found,), reminders = mailed["REGRESSED"], mailed["REMINDER"]
    assert [(at - found).days for at in reminders] == [7 * number for number in range(1, len(reminders) + 1)]
    assert len(reminders) >= 2


def test_an_acknowledged_regression_no_longer_fails_and_is_reported_as_known(runs: RunSeries):
    runs.until_found(1.5)
    (regression,) = runs.regressions()
    steps.move_regression(runs.context, regression.id, RegressionState.ACKNOWLEDGED, who="ada", why="index missing")
    verdict = runs.one(1.5)
    assert verdict.verdict is Verdict.PASS
    shifts = [finding.parameters for finding in found(verdict, FindingCode.REGRESSION_ACKNOWLEDGED)]
    assert {(shift.acknowledged_by, shift.why) for shift in shifts} == {("ada", "index missing")}


def test_an_accepted_regression_begins_a_baseline_with_its_first_run(runs: RunSeries):
    runs.until_found(1.5)
    (regression,) = runs.regressions()
    steps.move_regression(runs.context, regression.id, RegressionState.ACCEPTED, who="ada", why="TLS")
    verdicts = runs.several(20, 1.5)
    assert {verdict.verdict for verdict in verdicts} == {Verdict.PASS}
    with Store.open(runs.context.workspace.results_url) as store:
        (approved,) = store.approvals.current()
    assert (approved.run_id, approved.approved_by, approved.why) == (regression.first_run, "ada", "TLS")
    runs.until_found(2.2)
    assert [known.state for known in runs.regressions()] == [RegressionState.OPEN, RegressionState.ACCEPTED]


def test_a_regression_that_nobody_answers_is_accepted_and_judging_again_gives_the_same(runs: RunSeries):
    limit = 4
    runs.context = context_of(
        var=runs.context.workspace.var,
        scenarios=SHIPPED_SCENARIOS,
        expectations=runs.context.workspace.var,
        auto_accept_runs=limit,
    )
    slow = runs.until_found(1.5)
    later = runs.several(limit, 1.5)
    (regression,) = runs.regressions()
    found_at = int(regression.found_run.removeprefix("run-"))
    accepted_in = f"run-{found_at + limit:03d}"
    assert (regression.state, regression.accepted_automatically_in) == (RegressionState.ACCEPTED, accepted_in)
    verdicts = [*slow, *later]
    assert [verdict.verdict for verdict in verdicts[found_at - QUIET :]] == [
        *[Verdict.REGRESSED] * limit,
        *[Verdict.PASS] * (len(verdicts) - limit - found_at + QUIET),
    ]
    (said,) = [finding for verdict in verdicts for finding in found(verdict, FindingCode.ACCEPTED_AUTOMATICALLY)]
    assert (said.parameters.regression, said.parameters.runs) == (regression.id, limit)
    assert verdicts[-1].baseline_run == regression.first_run
    for number in range(found_at, found_at + limit + 2):
        run_id = f"run-{number:03d}"
        with Store.open(runs.context.workspace.results_url) as store:
            (before,) = store.verdicts(run_id)
        assert runs.judge(run_id) == before
    assert runs.regressions() == [regression]
    assert [alarm.run_id for alarm in steps.backtest(runs.context)] == [regression.found_run]
    steps.move_regression(runs.context, regression.id, RegressionState.OPEN, who="ada", why="it is a leak")
    assert runs.one(1.5).verdict is Verdict.REGRESSED
    assert runs.judge(accepted_in).verdict is Verdict.REGRESSED
    assert runs.regressions()[0].state is RegressionState.OPEN
    steps.approve(runs.context, accepted_in, why="no, it is not")
    with pytest.raises(BadInputError, match="only one that was accepted automatically"):
        steps.move_regression(runs.context, regression.id, RegressionState.OPEN, who="bob", why="")


def test_a_regression_that_is_gone_is_fixed(runs: RunSeries):
    runs.until_found(1.5)
    verdicts = runs.several(8)
    (regression,) = runs.regressions()
    assert (regression.state, regression.moves[-1].who) == (RegressionState.FIXED, "automatic")
    at = next(number for number, verdict in enumerate(verdicts) if found(verdict, FindingCode.RECOVERED))
    assert at > 0, "a single run is no recovery"
    for verdict in verdicts[:at]:
        (recovering,) = found(verdict, FindingCode.RECOVERING)
        assert recovering.parameters.regression == regression.id
    assert {(verdict.verdict, bool(found(verdict, FindingCode.REGRESSION))) for verdict in verdicts} == {
        (Verdict.PASS, False)
    }


def test_a_regression_that_was_fixed_by_hand_leaves_no_trace_in_the_level(runs: RunSeries):
    runs.until_found(1.5)
    (regression,) = runs.regressions()
    steps.move_regression(runs.context, regression.id, RegressionState.FIXED, who="ada", why="index")
    verdict = runs.one()
    level = next(comparison.baseline for comparison in verdict.comparisons if comparison.metric == "p50_s")
    assert verdict.verdict is Verdict.PASS
    assert level == pytest.approx(0.05, rel=0.03)


def test_a_dismissed_false_alarm_is_not_raised_again_by_the_same_runs(runs: RunSeries):
    runs.until_found(1.25)
    (regression,) = runs.regressions()
    steps.move_regression(runs.context, regression.id, RegressionState.DISMISSED, who="ada", why="the network")
    assert {verdict.verdict for verdict in runs.several(5)} == {Verdict.PASS}
    assert len(runs.regressions()) == 1


def test_an_improvement_is_reported_once_and_begins_a_baseline(runs: RunSeries):
    verdicts = runs.several(MAX_RUNS_UNTIL_FOUND, 0.6)
    improved = [verdict for verdict in verdicts if verdict.verdict is Verdict.IMPROVED]
    levels = [finding.limit for verdict in improved for finding in verdict.findings if finding.metric == "p50_s"]
    assert levels
    assert levels == pytest.approx([0.05] * len(levels), rel=0.03)
    assert runs.several(12, 0.6)[-1].verdict is Verdict.PASS
    runs.until_found(1.0)
    assert runs.regressions()[0].state is RegressionState.OPEN


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scenario_hash": "other"}, FingerprintField.SCENARIO),
        ({"load": {"model": "closed", "workers": 1, "requests": 9}}, FingerprintField.LOAD),
        ({"generator": "b-host"}, FingerprintField.GENERATOR),
    ],
)
def test_a_run_that_is_not_comparable_begins_a_baseline(
    runs: RunSeries, changes: dict[str, Any], field: FingerprintField
):
    verdict = runs.one(3.0, **changes)
    (finding,) = found(verdict, FindingCode.NOT_COMPARABLE)
    assert (finding.parameters.field, finding.parameters.other_run) == (field, "run-024")
    assert finding.parameters.new_baseline
    assert (verdict.verdict, verdict.comparisons) == (Verdict.PASS, [])


def test_a_scenario_is_repeated_before_it_is_a_regression(runs: RunSeries):
    assert steps.repetitions_due(runs.context, runs.measure(0.9)) == {}
    for _ in range(MAX_RUNS_UNTIL_FOUND):
        run_id = runs.measure(1.5)
        due = steps.repetitions_due(runs.context, run_id)
        if runs.judge(run_id).verdict is Verdict.REGRESSED:
            break
    assert due == {DASHBOARD: RepetitionReason.SUSPECT}


def test_a_known_regression_is_not_repeated(runs: RunSeries):
    runs.until_found(1.5)
    assert steps.repetitions_due(runs.context, runs.measure(1.5)) == {}


def test_comparing_a_run_again_gives_the_same(runs: RunSeries):
    slow = runs.until_found(1.5)
    (regression,) = runs.regressions()
    again = runs.judge(regression.found_run)
    assert again == slow[int(regression.found_run[-3:]) - QUIET]
    assert {finding.parameters.regression for finding in found(again, FindingCode.REGRESSION)} == {regression.id}
    (now,) = runs.regressions()
    assert (now.id, now.scenario, now.changes) == (regression.id, regression.scenario, regression.changes)


def test_judging_the_run_of_a_recovery_again_gives_the_same(runs: RunSeries):
    runs.until_found(1.5)
    verdicts = runs.several(8)
    at = next(number for number, verdict in enumerate(verdicts) if found(verdict, FindingCode.RECOVERED))
    with Store.open(runs.context.workspace.results_url) as store:
        run_id = store.run_ids(store.run("run-000").service)[len(verdicts) - 1 - at]
    before = runs.regressions()
    assert runs.judge(run_id) == verdicts[at]
    assert runs.regressions() == before


def test_judging_a_run_from_before_a_regression_again_leaves_the_regression_alone(runs: RunSeries):
    verdicts = runs.until_found(1.5)
    before = runs.regressions()
    again = runs.judge("run-020")
    assert again.verdict is Verdict.PASS
    assert not {FindingCode.RECOVERED, FindingCode.REGRESSION} & {finding.code for finding in again.findings}
    assert runs.regressions() == before
    assert runs.one(1.5).verdict is verdicts[-1].verdict


def test_a_back_test_shows_which_alarms_would_have_been_raised(runs: RunSeries):
    runs.several(12, 1.12)

    def alarms(**sensitivity: float) -> list[Any]:
        return steps.backtest(context_of(var=runs.context.workspace.var, **sensitivity))

    rare, frequent = alarms(runs_per_false_alarm=1e9), alarms(runs_per_false_alarm=10)
    assert {alarm.metric for alarm in frequent} >= {"p50_s"}
    assert {alarm.metric for alarm in rare} == {"p50_s"}
    assert frequent[0].run_id < rare[0].run_id  # what must be surer is found later
    assert alarms(runs_per_false_alarm=10, min_effect=0.5) == []


def test_an_unknown_regression_is_refused(runs: RunSeries):
    with pytest.raises(BadInputError, match="regression 3"):
        steps.move_regression(runs.context, 3, RegressionState.ACCEPTED, who="ada", why="")
