"""The clock of the load generator is years ahead for one run, and right again for the next."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from loadtasks import steps
from loadtasks.report.folder import LATEST
from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.repetitions import Repetition, RepetitionReason
from loadtasks.results.store import Store
from loadtasks.steps import RunContext
from loadtasks.verdict.history.baselines import MAX_REPETITIONS
from loadtasks.workspace import Workspace
from tests.measurements import measurement, run
from tests.thing import call, check_refused
from tests.workspaces import context_of, root_workspace

GET, SERVICE = "root.get", "shop"
NOW = datetime.now(UTC)
DAY, YEARS = timedelta(days=1), timedelta(days=1461)
USUAL_S, SLOW_S = 0.05, 0.39


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    return root_workspace(tmp_path, monkeypatch)


@pytest.fixture
def context(workspace: Workspace) -> RunContext:
    return context_of(service=SERVICE)


def keep(context: RunContext, run_id: str, started_at: datetime, time_s: float = USUAL_S) -> str:
    """A run that measured one scenario as often as a suspicion asks for. Returns the run's id."""
    made = [
        measurement(GET, times_s=[time_s * (1 + 0.001 * part) for part in range(-50, 50)], started_at=started_at)
        for _ in range(MAX_REPETITIONS if time_s != USUAL_S else 1)
    ]
    with Store.open(context.workspace.results_url) as store:
        store.open_run(run(run_id, started_at=started_at, service=SERVICE, scenarios=[GET]))
        store.save_measurements(run_id, GET, made[:1])
        for number, again in enumerate(made[1:], 2):
            repetition = Repetition(number=number, measurements=[again], reason=RepetitionReason.SUSPECT)
            store.add_repetition(run_id, GET, repetition)
        store.save_verdicts(run_id, [ScenarioVerdict(scenario=GET, verdict=Verdict.PASS)])
        store.close_run(run_id, Verdict.PASS, started_at + timedelta(minutes=1))
    return run_id


def concluded(context: RunContext, run_id: str) -> str:
    """A run with all that follows from it."""
    steps.judge(context, run_id)
    steps.compare(context, run_id)
    steps.write_report(context, run_id)
    return run_id


def past(context: RunContext, number: int) -> list[str]:
    return [keep(context, f"run-{day}", NOW - (number + 2 - day) * DAY) for day in range(number)]


def latest(workspace: Workspace) -> list[str]:
    """Where everything leads that means the newest run."""
    links = (workspace.reports / LATEST, workspace.reports / "services" / SERVICE)
    listed = re.findall(r"^\S+", call("runs").output, re.MULTILINE)[1]
    return [*(link.resolve().name for link in links), listed, steps.find_run(context_of(), "latest")]


@pytest.mark.slow
def test_a_regression_is_reported_whatever_the_dates_say(workspace: Workspace, context: RunContext) -> None:
    past(context, 4)
    concluded(context, keep(context, "ahead", NOW - DAY + YEARS))
    assert set(latest(workspace)) == {"ahead"}
    slow = concluded(context, keep(context, "slow", NOW, SLOW_S))
    assert set(latest(workspace)) == {slow}
    document = steps.document(context, slow)
    (result,) = document.scenarios
    assert result.verdict is Verdict.REGRESSED
    (oddity,) = [finding for finding in result.findings if finding.code is FindingCode.CLOCK_WENT_BACK]
    assert (oddity.severity, getattr(oddity.parameters, "other_run")) == (Severity.WARNING, "ahead")  # noqa: B009
    for shown in (call("report").output, (workspace.reports / slow / "index.html").read_text()):
        line = " ".join(shown.split())
        assert f"run ahead, which was made before it, is dated {NOW - DAY + YEARS:%Y-%m-%d}" in line
        assert "runs delete ahead" in line
    assert call("runs", "delete", "ahead", "--yes").exit_code == 0
    assert FindingCode.CLOCK_WENT_BACK not in codes(
        context, concluded(context, keep(context, "after", NOW + DAY, SLOW_S))
    )


def codes(context: RunContext, run_id: str) -> list[FindingCode]:
    return [finding.code for result in steps.document(context, run_id).scenarios for finding in result.findings]


def test_a_run_that_ended_before_it_began_has_no_duration(context: RunContext, workspace: Workspace) -> None:
    keep(context, "back", NOW)
    with Store.open(context.workspace.results_url) as store:
        store.close_run("back", Verdict.PASS, NOW - YEARS)
    folder = steps.write_report(context, "back")
    assert "took" not in (folder / "summary.md").read_text()
    assert "not ended" not in (folder / "index.html").read_text()


def test_a_wrong_clock_prunes_no_recent_run(
    workspace: Workspace, context: RunContext, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    past(context, 4)
    keep(context, "ahead", NOW - DAY + YEARS)
    keep(context, "back", NOW - 9000 * DAY)
    keep(context, "newest", NOW)

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Ahead":
            return super().now(UTC) + YEARS  # type: ignore[return-value]

    plan = steps.plan_pruning(context, 180 * DAY)
    assert (plan.old.prunable, plan.old.kept) == ([], {}), "by their neighbours, neither is old"
    monkeypatch.setattr("loadtasks.steps.retention.datetime", Ahead)
    steps.prune_after(context_of(service=SERVICE, keep_days="180"), "newest")
    assert "even the newest runs of shop are older than 180 days" in caplog.text
    check_refused(call("prune", "--older-than", "180d", "--yes"), 2, "nothing was pruned", "set the clock right")
    with Store.open(context.workspace.results_url) as store:
        assert store.pruned() == {}
