"""Old runs pruned and wrong ones deleted: what is gone, what is left, and that the next verdict is the same."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import create_engine, make_url, select, update

from loadtasks import steps
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.pairing import Pairing
from loadtasks.results.regression import RegressionState
from loadtasks.results.repetitions import Repetition, RepetitionReason
from loadtasks.results.schema import MeasurementRow, RunRow
from loadtasks.results.store import Store
from loadtasks.steps import RunContext
from loadtasks.workspace import Workspace
from tests.loadtasks.verdict.reference.rounds import round_ratios
from tests.measurements import SERVICE, exemplar, measurement, run
from tests.postgresql import create_database
from tests.servers import ScriptedServer, answering, ok, scripted
from tests.thing import call, check_refused
from tests.workspaces import ROOT_SCENARIO, context_of, root_workspace

DAY = timedelta(days=1)
NOW = datetime.now(UTC)
OLD_RUNS, SHIFTED_FROM, DECIDED_AFTER, PAIRED = 30, 18, 24, 10
STEADY, SELDOM, MIXED = "steady.closed", "seldom.closed", "mixed.closed"
DECIDED = {
    "kept.closed": None,
    "known.closed": RegressionState.ACKNOWLEDGED,
    "fixed.closed": RegressionState.FIXED,
    "dismissed.closed": RegressionState.DISMISSED,
    "wanted.closed": RegressionState.ACCEPTED,
}
"""Scenarios that regressed half-way, and what people did about each."""
EVERY = (STEADY, SELDOM, MIXED, *DECIDED)
NEXT, SLOW_RUNS = "next", 2
USUAL_S, SLOW_S = 0.1, 0.3


@pytest.fixture(scope="module")
def api() -> Iterator[ScriptedServer]:
    with scripted(answering(ok())) as server:
        yield server


@dataclass(frozen=True)
class Stored:
    """A workspace with four runs: the first one is the baseline run, the third is the newest of another service."""

    workspace: Workspace
    baseline: str
    second: str
    other: str
    newest: str


@pytest.fixture(scope="module")
def made_once(api: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> Stored:
    with pytest.MonkeyPatch.context() as monkeypatch:
        workspace = root_workspace(tmp_path_factory.mktemp("made"), monkeypatch)
        services = ("shop", "shop", "other", "shop")
        return Stored(workspace, *(measure(api, "--service", service) for service in services))


@pytest.fixture
def stored(made_once: Stored, workspace: Workspace) -> Stored:
    """A copy of them for a test, in its own workspace."""
    shutil.copytree(made_once.workspace.var, workspace.var, symlinks=True)
    return replace(made_once, workspace=workspace)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    return root_workspace(tmp_path, monkeypatch)


class Past:
    """A history of a year and more in which everything has happened that a later verdict could depend on."""

    def __init__(self, context: RunContext) -> None:
        self._context, self._random = context, np.random.default_rng(3)

    def keep(self) -> None:
        """Keep the old runs, and newer ones that measured only some scenarios, which have become slow since."""
        for number in range(OLD_RUNS):
            shifted = {name for name in DECIDED if number >= SHIFTED_FROM}
            self._keep_run(f"old-{number:02d}", NOW - (400 - number) * DAY, EVERY, shifted, paired=number == PAIRED)
            if number == DECIDED_AFTER:
                self._decide()
        self._keep_run("newer", NOW - 2 * DAY, [STEADY], set())
        for number in range(SLOW_RUNS):
            self._keep_run(f"slow-{number}", NOW - DAY, [STEADY, SELDOM, MIXED], {STEADY, SELDOM, MIXED})

    def keep_next(self) -> dict[str, RepetitionReason]:
        """Keep the next run, in which these are slow still. Gives the repetitions that are due."""
        random = np.random.default_rng(7)
        slow = {STEADY, SELDOM, MIXED}
        with Store.open(self._context.workspace.results_url) as store:
            store.open_run(run(NEXT, started_at=NOW, scenarios=list(EVERY)))
            for scenario in EVERY:
                store.save_measurements(NEXT, scenario, self._measurements(scenario, random, slow=scenario in slow))
        due = steps.repetitions_due(self._context, NEXT)
        with Store.open(self._context.workspace.results_url) as store:
            for scenario, reason in due.items():
                for number in (2, 3, 4):
                    again = self._measurements(scenario, random, slow=scenario in slow)
                    store.add_repetition(NEXT, scenario, Repetition(number=number, measurements=again, reason=reason))
            self._judge(store, NEXT, EVERY)
        steps.compare(self._context, NEXT)
        return due

    def _keep_run(self, run_id: str, at: datetime, scenarios: Any, shifted: set[str], *, paired: bool = False) -> None:
        with Store.open(self._context.workspace.results_url) as store:
            reference = "http://127.0.0.1:1" if paired else None
            store.open_run(run(run_id, started_at=at, scenarios=list(scenarios), reference_url=reference))
            for scenario in scenarios:
                made = self._measurements(scenario, self._random, slow=scenario in shifted)
                rounds = Pairing(reference=made, round_ratios=[round_ratios() for _ in made]) if paired else None
                store.save_measurements(run_id, scenario, made, pairing=rounds)
                if not paired and self._random.random() < 0.3:
                    again = self._measurements(scenario, self._random, slow=scenario in shifted)
                    reason = RepetitionReason.LEARNING
                    store.add_repetition(run_id, scenario, Repetition(number=2, measurements=again, reason=reason))
            self._judge(store, run_id, scenarios)
            store.close_run(run_id, Verdict.PASS, at)
            if not paired:
                store.approvals.approve_first(run_id)

    def _decide(self) -> None:
        steps.compare(self._context, f"old-{DECIDED_AFTER:02d}")
        with Store.open(self._context.workspace.results_url) as store:
            found = {regression.scenario: regression for regression in store.regressions.all(SERVICE)}
        assert found.keys() == DECIDED.keys()
        for scenario, state in DECIDED.items():
            if state is not None:
                steps.move_regression(self._context, found[scenario].id, state, who="ann", why="she says so")

    def _judge(self, store: Store, run_id: str, scenarios: Any) -> None:
        store.save_verdicts(run_id, [ScenarioVerdict(scenario=name, verdict=Verdict.PASS) for name in scenarios])

    def _measurements(self, scenario: str, random: np.random.Generator, *, slow: bool) -> list[Any]:
        parts = ("", "read", "write") if scenario == MIXED else ("",)
        return [self._measurement(scenario, part, random, SLOW_S if slow else USUAL_S) for part in parts]

    def _measurement(self, scenario: str, part: str, random: np.random.Generator, median_s: float) -> Any:
        times_s = median_s * random.lognormal(0, 0.03) * random.lognormal(0, 0.1, 100)
        return measurement(
            scenario,
            part=part,
            times_s=times_s.tolist(),
            elapsed_s=float(times_s.sum()) / 10,
            server={"db": float(times_s.mean()) - 0.05, "total": float(times_s.mean())},
            exemplars=[exemplar(time_s) for time_s in sorted(times_s)[-3:]],
        )


def copy_of(url: str, to: Path) -> str:
    """Another database with the same content."""
    if make_url(url).get_backend_name() == "sqlite":
        shutil.copy(str(make_url(url).database), to)
        return f"sqlite:///{to}"
    parsed = make_url(url)
    engine = create_engine(parsed.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {parsed.database}_copy TEMPLATE {parsed.database}")
    engine.dispose()
    return parsed.set(database=f"{parsed.database}_copy").render_as_string(hide_password=False)


def concluded(context: RunContext, run_id: str) -> list[dict[str, Any]]:
    """Everything that a run concludes, but for what the charts show next to it."""
    return [
        result.model_dump(exclude={"baseline", "measurements"}) for result in steps.document(context, run_id).scenarios
    ]


def decisions(context: RunContext) -> list[Any]:
    with Store.open(context.workspace.results_url) as store:
        regressions = [one.model_dump(exclude={"moves"}) | {"state": one.state} for one in store.regressions.all()]
        return [*regressions, *(one.model_dump(exclude={"approved_at"}) for one in store.approvals.current())]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_next_verdict_is_the_same_before_and_after_pruning(
    workspace: Workspace, tmp_path: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    for name in EVERY:
        endpoint, _, profile = name.partition(".")
        text = ROOT_SCENARIO.replace("root", endpoint).replace("get", profile)
        (workspace.scenarios / f"{endpoint}.yaml").write_text(text)
    url = f"sqlite:///{tmp_path / 'one.db'}"
    if kind == "postgresql":
        url = create_database(request.getfixturevalue("postgresql"))
    whole = context_of(results_url=url)
    past = Past(whole)
    past.keep()
    pruned = context_of(results_url=copy_of(url, tmp_path / "copy.db"))
    plan = steps.plan_pruning(pruned, 180 * DAY)
    assert len(steps.prune(pruned, plan)) == len(plan.old.prunable) == OLD_RUNS - len(plan.old.kept)
    assert len(plan.old.prunable) > OLD_RUNS / 2
    assert decisions(pruned) == decisions(whole)
    assert steps.backtest(pruned) == steps.backtest(whole) != []
    old = [found.id for found in plan.old.prunable if found.reference_url is None][-1]
    assert concluded(pruned, old) == concluded(whole, old)
    due = Past(whole).keep_next()
    assert Past(pruned).keep_next() == due
    assert due, "else it proves little"
    after, before = concluded(pruned, NEXT), concluded(whole, NEXT)
    assert after == before
    assert decisions(pruned) == decisions(whole)
    by_name = {result["scenario"]: result for result in before}
    assert by_name[SELDOM]["baseline_run"] in {found.id for found in plan.old.prunable}, "else it proves little"
    causes = {
        name: [found for found in result["findings"] if FindingCode(found["code"]).kind is FindingKind.DIAGNOSIS]
        for name, result in by_name.items()
    }
    assert causes[SELDOM], "else it proves little"
    assert by_name["known.closed"]["verdict"] is Verdict.PASS
    assert {finding["code"] for finding in by_name["kept.closed"]["findings"]} & {
        FindingCode.RECOVERED,
        FindingCode.RECOVERING,
    }


def measure(api: ScriptedServer, *options: str) -> str:
    """Make a run. Returns its id."""
    result = call("run", "--target", api.url, *options)
    assert result.exit_code == 0, result.output
    return result.output.split()[1]


def make_old(workspace: Workspace, *run_ids: str) -> None:
    """Let runs have begun 200 days ago."""
    engine = create_engine(workspace.results_url)
    with engine.begin() as connection:
        connection.execute(update(RunRow).where(RunRow.id.in_(run_ids)).values(started_at=NOW - 200 * DAY))
    engine.dispose()


def with_histograms(workspace: Workspace) -> set[str]:
    """The ids of the runs that have histograms."""
    engine = create_engine(workspace.results_url)
    with engine.begin() as connection:
        found = connection.scalars(select(MeasurementRow.run_id).where(MeasurementRow.response.is_not(None)))
        left = set(found)
    engine.dispose()
    return left


PRUNE = ("prune", "--older-than", "180d")


def test_an_old_run_is_pruned_and_shown_as_what_is_left_of_it(stored: Stored) -> None:
    workspace, old = stored.workspace, stored.second
    make_old(workspace, stored.baseline, old)
    mail = workspace.outbox / f"{old}.eml"
    mail.parent.mkdir(exist_ok=True)
    mail.write_text("alert")
    history, judged = call("history", "root.get", "--service", "shop").output, concluded(context_of(), old)
    check_refused(call(*PRUNE), 2, "nothing was pruned", "--yes")
    planned = call(*PRUNE, "--dry-run")
    assert "Kept whole: 1 older run that is a baseline run." in planned.output
    assert f"{old}  shop" in planned.output
    assert "Would prune 1 run that started before" in planned.output
    assert (workspace.reports / old / "index.html").is_file()
    everything = {stored.baseline, old, stored.other, stored.newest}
    assert with_histograms(workspace) == everything
    pruned = call(*PRUNE, "--yes")
    assert (pruned.exit_code, "Pruned 1 run" in pruned.output) == (0, True), pruned.output
    assert not (workspace.reports / old).exists()
    assert not mail.exists()
    assert (workspace.reports / "latest").resolve().name == stored.newest
    assert with_histograms(workspace) == everything - {old}
    assert call("history", "root.get", "--service", "shop").output == history
    assert "Nothing to prune" in call(*PRUNE, "--yes").output
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    listed = {line.split()[0]: line.rstrip() for line in call("runs").output.splitlines()}
    assert [run_id for run_id, line in listed.items() if line.endswith(today)] == [old]
    for command in ("report", "judge"):
        shown = call(command, old)
        assert shown.exit_code == 0, shown.output
        assert f"Run {old} was pruned on {today}" in shown.output
        assert "PASS" in shown.output
        assert "Report:" not in shown.output
        assert concluded(context_of(), old) == judged
        assert not (workspace.reports / old).exists()
    assert f"Run {old} is now the baseline" in call("baseline", "approve", old).output
    call("judge", stored.newest)
    (result,) = steps.document(context_of(), stored.newest).scenarios
    assert (result.baseline_run, result.baseline) == (old, [])


@pytest.mark.parametrize("age", ["180", "180 d", "6m", "0d", "-1d", "1.5w", "99999w", "", "d", "soon"])
def test_an_age_that_makes_no_sense_is_refused(workspace: Workspace, age: str) -> None:
    check_refused(call("prune", "--older-than", age), 2, f"--older-than {age}", "180d", "26w")


def test_an_empty_database_has_nothing_to_prune(workspace: Workspace) -> None:
    assert "Nothing to prune" in call("prune", "--older-than", "26w").output


def test_folders_of_no_run_are_named_and_left_alone(stored: Stored) -> None:
    reports = stored.workspace.reports
    make_old(stored.workspace, stored.baseline, stored.second)
    (reports / "20200101T000000Z-0000").mkdir()
    (reports / "a-note.txt").write_text("mine")
    assert "Left alone: 1 folder" in call(*PRUNE, "--yes").output
    assert (reports / "20200101T000000Z-0000").is_dir()
    assert (reports / "a-note.txt").is_file()


def test_a_report_that_could_not_be_removed_goes_the_next_time(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    reports, stuck, old = stored.workspace.reports, stored.baseline, stored.second
    call("baseline", "approve", stored.newest)
    make_old(stored.workspace, stuck, old)
    remove = shutil.rmtree

    def refuse(path: Path, **options: Any) -> None:
        if Path(path).name == stuck:
            raise PermissionError(13, "Permission denied", str(path))
        remove(path, **options)

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", refuse)
        check_refused(call(*PRUNE, "--yes"), 2, stuck, "Permission denied", "The same command goes on from there")
    assert (reports / stuck).exists()
    assert not (reports / old).exists()
    assert "Would prune 1 report that could not be removed before," in call(*PRUNE, "--dry-run").output
    assert call(*PRUNE, "--yes").exit_code == 0
    assert not (reports / stuck).exists()


def test_of_a_report_that_is_a_link_only_the_link_goes(stored: Stored, tmp_path: Path) -> None:
    reports, linked, deleted = stored.workspace.reports, stored.second, stored.other
    make_old(stored.workspace, stored.baseline, linked)
    for run_id in (linked, deleted):
        (reports / run_id).rename(tmp_path / run_id)
        (reports / run_id).symlink_to(tmp_path / run_id)
    assert call(*PRUNE, "--yes").exit_code == 0
    assert call("runs", "delete", deleted, "--yes").exit_code == 0
    for run_id in (linked, deleted):
        assert not (reports / run_id).is_symlink()
        assert (tmp_path / run_id / "index.html").is_file()


def test_old_runs_are_pruned_at_the_end_of_a_run_where_a_setting_says_so(
    stored: Stored, api: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = stored.workspace.reports
    make_old(stored.workspace, stored.baseline, stored.second)
    steps.prune_after(context_of(), stored.newest)
    steps.prune_after(context_of(keep_days="100"), stored.other)
    assert (reports / stored.second).exists()
    monkeypatch.setenv("LOADTASKS_KEEP_DAYS", "100")
    measure(api, "--service", "shop")
    assert not (reports / stored.second).exists()
    assert (reports / stored.baseline).exists()
    monkeypatch.setenv("LOADTASKS_KEEP_DAYS", "soon")
    check_refused(call("runs"), 2, "LOADTASKS_KEEP_DAYS=soon", "days")


def test_several_runs_are_deleted_with_what_was_rescued_of_them(stored: Stored) -> None:
    first, second, third = stored.baseline, stored.second, stored.newest
    rescued = stored.workspace.var / "rescued" / third
    rescued.mkdir(parents=True)
    (rescued / "x.json").write_text("{}")
    check_refused(call("runs", "delete", second, "nowhere", "--yes"), 2, "there is no run 'nowhere'")
    assert second in call("runs").output
    deleted = call("runs", "delete", "latest", second, third, "--yes", "--service", "shop")
    assert deleted.exit_code == 0, deleted.output
    assert [line.split()[2] for line in deleted.output.splitlines()] == [third, second]
    assert not rescued.exists()
    assert (stored.workspace.reports / "latest").resolve().name == stored.other
    assert (stored.workspace.reports / "services" / "shop").resolve().name == first


def test_a_deletion_that_broke_in_the_middle_is_repeated(stored: Stored) -> None:
    shutil.rmtree(stored.workspace.reports / stored.newest)
    assert call("runs", "delete", stored.newest, "--yes").exit_code == 0
    assert (stored.workspace.reports / "latest").resolve().name == stored.other
    assert stored.newest not in call("runs").output


def test_looking_at_old_runs_leaves_the_links_at_the_newest(stored: Stored) -> None:
    reports, pruned = stored.workspace.reports, stored.second
    make_old(stored.workspace, stored.baseline, pruned)
    assert call(*PRUNE, "--yes").exit_code == 0

    def links() -> dict[str, str]:
        return {link.name: link.resolve().name for link in [reports / "latest", *(reports / "services").iterdir()]}

    newest = {"latest": stored.newest, "shop": stored.newest, "other": stored.other}
    for command in ("report", "judge"):
        for run_id in (stored.baseline, pruned, stored.other):
            assert call(command, run_id).exit_code == 0
            assert links() == newest
    call("runs", "delete", stored.newest, "--yes")
    assert links() == {"latest": stored.other, "shop": stored.baseline, "other": stored.other}
