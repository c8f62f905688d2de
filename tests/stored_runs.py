"""Runs of a service without load: stored with the findings that a test gives them, and alerted by the real step."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from loadtasks import steps
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import Bound, Comparison, TargetMissed
from loadtasks.results.findings.validity import FailureDetail
from loadtasks.results.judgement import ScenarioVerdict, Verdict, overall
from loadtasks.results.message import Message
from loadtasks.results.regression import AUTOMATIC, MetricChange, Move, Regression, RegressionState
from loadtasks.results.store import Store
from loadtasks.steps import RunContext
from tests.measurements import SERVICE, STARTED_AT, measurement, run

DASHBOARD, SESSIONS = "dashboard.concurrent", "sessions.filtered"
NO_WAIT = (0.0, 0.0)


def missed(metric: str = "p95_s", part: str = "") -> Finding:
    """A missed target."""
    bounds = (Bound(comparison=Comparison.BELOW, value=2.0),)
    parameters = TargetMissed(suite="dashboard.json", bounds=bounds)
    return Finding(
        code=FindingCode.TARGET_MISSED, part=part, metric=metric, observed=3.0, limit=2.0, parameters=parameters
    )


def invalid(code: FindingCode = FindingCode.MEASUREMENT_FAILED, detail: str = "the API refuses connections") -> Finding:
    """Why a scenario could not be measured."""
    parameters = FailureDetail(detail=detail) if code is FindingCode.MEASUREMENT_FAILED else None
    return Finding(code=code, **({"parameters": parameters} if parameters else {}))


def verdict_of(scenario: str, findings: Sequence[Finding]) -> ScenarioVerdict:
    """The verdict that findings lead to."""
    kinds = {finding.kind for finding in findings}
    reached = Verdict.PASS
    for kind, verdict in (
        (FindingKind.REGRESSION, Verdict.REGRESSED),
        (FindingKind.TARGET, Verdict.FAIL),
        (FindingKind.VALIDITY, Verdict.INVALID),
    ):
        reached = verdict if kind in kinds else reached
    return ScenarioVerdict(scenario=scenario, verdict=reached, findings=list(findings))


def regression(found_run: str, scenario: str = DASHBOARD, *, first_run: str | None = None) -> Regression:
    """An open regression of the median by a half."""
    return Regression(
        id=0,
        service=SERVICE,
        scenario=scenario,
        part="",
        first_run=first_run or found_run,
        found_run=found_run,
        version_before="1.0",
        version_after="1.1",
        changes=[MetricChange(metric="p50_s", before=0.1, ratio=1.5, low=1.4, high=1.6)],
        moves=[Move(state=RegressionState.OPEN, at=STARTED_AT, who=AUTOMATIC, why="found", run_id=found_run)],
    )


def stored_regression(store: Store, first_run: str, found_run: str) -> int:
    """Store a regression that a run has found. Returns its id."""
    return store.regressions.save(found_run, [regression(found_run, first_run=first_run)])[0].id


class ServiceLife:
    """One run a day."""

    def __init__(self, context: RunContext, **of_run: Any) -> None:
        self.context = context
        self.of_run = of_run
        self.day = 0

    def run(self, findings: Mapping[str, Sequence[Finding]], **of_run: Any) -> str:
        """Store a judged run of the scenarios that have an entry. Returns its id."""
        self.day += 1
        planned = {
            "run_id": f"day-{self.day}",
            "scenarios": list(findings),
            "started_at": STARTED_AT + timedelta(days=self.day),
        } | self.of_run
        planned |= of_run
        with self.store as store:
            opened = store.open_run(run(**planned))
            verdicts = [verdict_of(scenario, found) for scenario, found in findings.items()]
            for verdict in verdicts:
                if verdict.verdict is not Verdict.INVALID:
                    store.save_measurements(opened.id, verdict.scenario, [measurement(verdict.scenario)])
            store.save_verdicts(opened.id, verdicts)
            ended_at: datetime = opened.started_at + timedelta(minutes=2)
            store.close_run(opened.id, overall([verdict.verdict for verdict in verdicts]), ended_at)
        return opened.id

    def dashboard(self, *findings: Finding, **of_run: Any) -> str:
        """A judged run of one scenario."""
        return self.run({DASHBOARD: findings}, **of_run)

    def alert(self, run_id: str, deliver: steps.Deliver | None = None) -> str | None:
        """Tell people what is new in it, without waiting between attempts."""
        return steps.alert(self.context, run_id, deliver, waits_s=NO_WAIT)

    @property
    def store(self) -> Store:
        return Store.open(self.context.workspace.results_url)

    @property
    def messages(self) -> list[Message]:
        """All messages, oldest first."""
        with self.store as store:
            return store.messages.newest_first(limit=1000)[::-1]

    @property
    def states(self) -> list[str]:
        return [message.state.value for message in self.messages]
