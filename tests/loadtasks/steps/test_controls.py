"""Controls through the steps: sampled in each run, kept with it, and what they explain reported and not mailed."""

import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from loadtasks import steps
from loadtasks.measurement.control import ControlSample, RunControls
from loadtasks.measurement.health import Calibration
from loadtasks.report import listings, markdown
from loadtasks.results.assembly import assemble
from loadtasks.results.document import ResultsDocument
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.regression import Regression, RegressionState
from loadtasks.results.store import Store
from loadtasks.steps import controls
from tests.measurements import STARTED_AT, measurement, run
from tests.workspaces import SHIPPED_SCENARIOS, context_of

pytestmark = pytest.mark.slow

SCENARIOS = [f"s{number}.all" for number in range(5)]
BASELINE = 26
ABLE = Calibration(ceiling_per_s=50_000, jitter_p99_s=0.001, round_trip_s=3e-5, connect_s=1e-4)


class RunFamily:
    """Runs without load, whose medians and null server have logarithms that a test gives."""

    def __init__(self, folder: Path, number: int = 0) -> None:
        self.context = context_of(var=folder, scenarios=SHIPPED_SCENARIOS, expectations=folder)
        self._random = np.random.default_rng(2 + number)
        self._number = number

    @property
    def store(self) -> Store:
        return Store.open(self.context.workspace.results_url)

    def keep(self, slower: float = 0.0, control: float = 0.0) -> str:
        """Keep a run. Returns its id."""
        run_id, at = f"run-{self._number:03d}", STARTED_AT + timedelta(days=self._number)
        self._number += 1
        round_trip_s = 3e-5 * float(np.exp(control + self._random.normal(0, 0.02)))
        sample = ControlSample(host="a-host", at=at, round_trip_s=round_trip_s, on_one_cpu=True)
        with self.store as store:
            store.open_run(run(run_id, scenarios=SCENARIOS, started_at=at, controls=RunControls(samples=[sample])))
            for scenario in SCENARIOS:
                times_s = 0.01 * np.exp(slower + self._random.normal(0, 0.02) + self._random.normal(0, 0.05, 60))
                made = measurement(scenario, times_s=times_s.tolist(), duration_s=1.0)
                store.save_measurements(run_id, scenario, [made])
            store.save_verdicts(
                run_id, [ScenarioVerdict(scenario=scenario, verdict=Verdict.PASS) for scenario in SCENARIOS]
            )
            store.close_run(run_id, Verdict.PASS, at)
        return run_id

    def run(self, slower: float = 0.0, control: float = 0.0) -> ResultsDocument:
        """Keep a run, compare it and tell people."""
        run_id = self.keep(slower, control)
        steps.compare(self.context, run_id)
        steps.alert(self.context, run_id, waits_s=(0.0, 0.0))
        with self.store as store:
            return assemble(store, run_id)

    def subjects(self) -> list[str]:
        with self.store as store:
            return [message.subject for message in store.messages.newest_first(limit=100)[::-1]]


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the results of calm runs."""
    folder = tmp_path_factory.mktemp("calm")
    made = RunFamily(folder)
    for _ in range(BASELINE):
        made.keep()
    return folder


@pytest.fixture
def runs(baseline: Path, tmp_path: Path) -> RunFamily:
    """The runs after those."""
    shutil.copytree(baseline, tmp_path, dirs_exist_ok=True)
    return RunFamily(tmp_path, BASELINE)


def test_a_busy_neighbour_is_reported_once_for_all_and_nobody_is_mailed(runs: RunFamily) -> None:
    documents = [runs.run(0.3, 0.35) for _ in range(3)]
    for document in documents:
        assert document.verdict is Verdict.PASS
        found = [
            finding
            for result in document.scenarios
            for finding in result.findings
            if finding.code is FindingCode.ENVIRONMENT_CHANGED and finding.metric == "p50_s"
        ]
        assert len(found) == len(SCENARIOS)
        (reading,) = document.run.controls.readings
        assert reading.moved_since == f"run-{BASELINE:03d}"
    summary = markdown.render(documents[-1])
    assert summary.count("The environment changed since") == 1
    assert "p50 of 5 scenarios moved with it" in summary
    assert runs.subjects() == []


def test_a_shift_of_all_scenarios_is_one_regression_reported_and_decided_once(
    runs: RunFamily, capsys: pytest.CaptureFixture[str]
) -> None:
    documents = [runs.run(0.15) for _ in range(5)]
    last = documents[-1]
    assert last.verdict is Verdict.REGRESSED
    with runs.store as store:
        known = store.regressions.all()
    assert len(known) == len(SCENARIOS)
    assert {one.shared_since for one in known} == {f"run-{BASELINE:03d}"}
    first = min(one.id for one in known)
    named = {
        finding.parameters.model_dump()["regression"]
        for result in last.scenarios
        for finding in result.findings
        if finding.code is FindingCode.REGRESSION
    }
    assert named == {first}
    assert [subject.partition(" at once")[0].rpartition("shop")[2] for subject in runs.subjects()] == [
        "[REGRESSED] 127.0.0.1:8000: 5 scenarios"
    ]
    assert "5 scenarios at once, as " in markdown.render(last)
    listings.show_regressions(known)
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == 2
    assert "5 at once: s0.all, s1.all" in listed[1]

    steps.move_regression(runs.context, first + 2, RegressionState.ACCEPTED, who="ada", why="TLS")
    with runs.store as store:
        assert {one.state for one in store.regressions.all()} == {RegressionState.ACCEPTED}
        baselines = {one.scenario: one.run_id for one in store.approvals.current()}
    assert set(baselines) == set(SCENARIOS)
    assert runs.run(0.15).verdict is Verdict.PASS


def test_what_is_found_too_late_to_be_answered_for_is_accepted_with_the_others(runs: RunFamily) -> None:
    for _ in range(10):
        runs.run(0.1)
        with runs.store as store:
            known = [one for one in store.regressions.all() if one.shared_since is not None]
        if known:
            break
    steps.move_regression(runs.context, known[0].id, RegressionState.ACCEPTED, who="ada", why="TLS")
    assert {runs.run(0.1).verdict for _ in range(3)} == {Verdict.PASS}


def test_what_nobody_answers_is_accepted_for_all_scenarios_at_once_and_reopened_together(
    runs: RunFamily, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.context = context_of(
        var=runs.context.workspace.var,
        scenarios=SHIPPED_SCENARIOS,
        expectations=runs.context.workspace.var,
        auto_accept_runs=2,
    )

    def known() -> list[Regression]:
        with runs.store as store:
            return store.regressions.all()

    for _ in range(10):
        document = runs.run(0.15)
        if any(one.state.ended for one in known()):
            break
    first = min(one.id for one in known())
    assert len(known()) == len(SCENARIOS)
    assert {one.accepted_automatically_in for one in known()} == {document.run.id}
    assert document.verdict is Verdict.PASS
    said = [
        finding.parameters.model_dump()["regression"]
        for result in document.scenarios
        for finding in result.findings
        if finding.code is FindingCode.ACCEPTED_AUTOMATICALLY
    ]
    assert said == [first] * len(SCENARIOS)
    (subject,) = runs.subjects()[1:]
    assert subject.startswith("[ACCEPTED] 127.0.0.1:8000: 5 scenarios at once, as ")
    assert "was accepted automatically" in subject
    listings.show_regressions(known())
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == 2
    assert f"accepted automatically in run {document.run.id}" in listed[1]
    assert runs.run(0.15).verdict is Verdict.PASS

    steps.move_regression(runs.context, first + 1, RegressionState.OPEN, who="ada", why="it is a leak")
    assert {(one.state, one.moves[-1].who) for one in known()} == {(RegressionState.OPEN, "ada")}
    assert runs.run(0.15).verdict is Verdict.REGRESSED


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Store]:
    monkeypatch.setattr(controls, "sample_null_server", lambda: (4e-5, None))
    with Store.open(f"sqlite:///{tmp_path / 'results.db'}") as store:
        yield store


def samples(store: Store) -> list[float]:
    return [sample.round_trip_s for sample in store.run("a-run").controls.samples]


def test_a_run_is_sampled_with_its_calibration_and_now_and_then(
    sampled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampled.open_run(run("a-run"))
    for _ in range(3):
        assert controls.calibrated(sampled, sampled.run("a-run"), lambda: ABLE) == ABLE
    assert samples(sampled) == [3e-5]
    monkeypatch.setattr(controls, "_BETWEEN", timedelta())
    for _ in range(10):
        controls.calibrated(sampled, sampled.run("a-run"), lambda: ABLE)
    assert samples(sampled) == [3e-5] + [4e-5] * (controls.MAX_SAMPLES - 1)


def test_a_sample_that_can_not_be_made_or_kept_costs_no_scenario(
    sampled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> tuple[float, float]:
        raise OSError("no process")

    monkeypatch.setattr(controls, "sample_null_server", broken)
    long_ago = ControlSample(host=socket.gethostname(), at=datetime(2020, 1, 1, tzinfo=UTC), round_trip_s=1e-5)
    before = {"calibrations": {socket.gethostname(): ABLE}, "controls": RunControls(samples=[long_ago])}
    sampled.open_run(run("a-run", **before))
    assert controls.calibrated(sampled, sampled.run("a-run"), lambda: ABLE) == ABLE
    gone = run("another-run")
    assert controls.calibrated(sampled, gone, lambda: ABLE) == ABLE


def test_a_paired_run_needs_no_sample(sampled: Store) -> None:
    opened = sampled.open_run(run("a-run", reference_url="http://127.0.0.1:9"))
    controls.calibrated(sampled, opened, lambda: ABLE)
    assert samples(sampled) == []
