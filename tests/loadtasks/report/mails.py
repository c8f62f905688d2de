"""Mails of made-up runs, as people who know nothing of them yet would get them, or later on."""

from collections.abc import Sequence
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

from loadtasks.measurement.metrics import METRICS
from loadtasks.report import mail
from loadtasks.report.mail_links import MailLinks
from loadtasks.report.trend import Trend, make_trend
from loadtasks.results.creep_record import CreepRecord
from loadtasks.results.document import ResultsDocument
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import KnownRegression, RegressionShift, Suspected
from loadtasks.results.judgement import Verdict
from loadtasks.results.message import ReportedMessage
from loadtasks.results.news import News, Reported, find_news, news_of_refusal
from loadtasks.results.records import HistoryEntry
from loadtasks.results.regression import AUTOMATIC, MetricChange, Move, Regression, RegressionState
from loadtasks.results.run import RunPlace
from loadtasks.results.topic import Topic
from tests.loadtasks.report import samples
from tests.loadtasks.report.sentences.examples_lifecycle import EXAMPLES
from tests.measurements import SERVICE, STARTED_AT

ENVELOPE = mail.Envelope("Nightly <nightly@example.org>", ["team@example.org"])
REPORT = "https://reports.example.org/20261124/index.html"


def regression(
    *states: RegressionState, by: str = AUTOMATIC, scenario: str = "sessions.filtered", number: int = samples.REGRESSION
) -> Regression:
    """The regression of `samples.regressed`, or of another scenario, and what became of it."""
    moves = [Move(state=state, at=STARTED_AT, who=by, why="") for state in (RegressionState.OPEN, *states)]
    return Regression(
        id=number,
        service=SERVICE,
        scenario=scenario,
        part="",
        first_run="20261124T020000Z-aaaa",
        found_run="20261124T020000Z-aaaa",
        version_before="1.1.0",
        version_after="1.2.0",
        changes=[MetricChange(metric="p95_s", before=0.0437, ratio=1.42, low=1.35, high=1.49)],
        moves=moves,
    )


def first_news(document: ResultsDocument) -> News:
    """What is new where nothing was reported to anybody."""
    found = [
        regression(scenario=result.scenario, number=number)
        for result in document.scenarios
        for number in {
            finding.parameters.regression
            for finding in result.findings
            if finding.code is FindingCode.REGRESSION and isinstance(finding.parameters, RegressionShift)
        }
    ]
    return find_news(document, Reported(regressions=found))


def later_news(
    document: ResultsDocument,
    before: ResultsDocument,
    regressions: Sequence[Regression],
    days: int = 8,
    creeps: Sequence[CreepRecord] = (),
) -> tuple[ResultsDocument, News]:
    """A run so many days after one whose mail reported everything, and what is new in it."""
    run = document.run
    started_at = run.started_at + timedelta(days=days)
    later = document.model_copy(
        update={"run": run.model_copy(update={"id": "20261202T020000Z-cccc", "sequence": 2, "started_at": started_at})}
    )
    message = {"run_id": before.run.id, "sequence": 1, "run_started_at": before.run.started_at}
    reported = ReportedMessage(id=1, topics=first_news(before).topics, **message)
    places = [RunPlace(one.id, one.sequence, one.started_at, one.scenarios) for one in (before.run, later.run)]
    known = Reported([reported], regressions=regressions, creeps=creeps, runs=places, reminder_days=7)
    return later, find_news(later, known)


def mail_of(
    document: ResultsDocument,
    report_url: str | None = REPORT,
    news: News | None = None,
    to: Sequence[str] = ENVELOPE.recipients,
    **material: Any,
) -> EmailMessage:
    """The mail of a run, the first one unless the news are given."""
    envelope = mail.Envelope(ENVELOPE.sender, to)
    material = {"links": MailLinks(report=report_url)} | material
    news = news or first_news(document)
    return mail.compose(document, news, envelope=envelope, material=mail.MailMaterial(**material)).message


def trend_of(topic: Topic, runs: int) -> Trend:
    """The trend of a p95 over so many runs, of which the last ten are as slow as the regression of the samples."""
    history = [
        HistoryEntry(
            run_id=f"run-{number}" if number != runs - 10 else topic.name,
            started_at=STARTED_AT + timedelta(days=number - runs + 11),
            verdict=Verdict.PASS if number < runs - 10 else Verdict.REGRESSED,
            metrics=dict.fromkeys(METRICS) | {"p95_s": 0.0437 if number < runs - 10 else 0.0621},
            scenario_hash="",
            load={},
            target_version=None,
            generator="",
        )
        for number in reversed(range(runs))
    ]
    trend = make_trend("shop", topic, "p95_s", history)
    assert trend is not None
    return trend


def refusal() -> EmailMessage:
    """The mail of a run that could not be opened."""
    news = news_of_refusal("config_get.json: not whole JSON (line 1); correct the file", STARTED_AT, Reported())
    return mail.compose_refusal(news, run_id="20261124T020000Z-aaaa", service="shop", envelope=ENVELOPE).message


def outage_while_regressed() -> EmailMessage:
    """The API is down, and a regression is open that people know."""
    known = samples.document(samples.regressed(), samples.result("dashboard.concurrent"))
    down = samples.document(samples.unreachable("sessions.filtered"), samples.unreachable("dashboard.concurrent"))
    return _mail(*later_news(down, known, [regression()], days=1))


def recovery() -> EmailMessage:
    """A regression is over, and a target is met again."""
    before = samples.document(samples.regressed(), samples.missed_target())
    after = samples.document(samples.result("sessions.filtered"), samples.result("dashboard.sustained"))
    return _mail(*later_news(after, before, [regression(RegressionState.FIXED)], days=3))


def reminder() -> EmailMessage:
    """A regression and a missed target are known, and nobody has acknowledged them; the regression is recovering."""
    before = samples.document(samples.regressed(), samples.missed_target())
    known = regression()
    facts = {"regression": known.id, "found_run": known.found_run, "first_run": known.first_run}
    recovering = Finding(code=FindingCode.RECOVERING, parameters=KnownRegression(**facts))
    after = samples.document(samples.result("sessions.filtered", Verdict.PASS, recovering), samples.missed_target())
    return _mail(*later_news(after, before, [known]))


def crept_and_accepted() -> EmailMessage:
    """A scenario has crept, and a regression that people know was accepted since nobody answered it."""
    known = samples.document(samples.regressed(), samples.result("dashboard.concurrent"))
    move = Move(state=RegressionState.ACCEPTED, at=STARTED_AT, who=AUTOMATIC, why="", run_id="20261202T020000Z-cccc")
    accepted = regression().model_copy(update={"moves": [*regression().moves, move]})
    drift = EXAMPLES[FindingCode.CREEP]
    findings = [drift, EXAMPLES[FindingCode.ACCEPTED_AUTOMATICALLY], EXAMPLES[FindingCode.THRESHOLD_RAISED]]
    suspected = Finding(code=FindingCode.SUSPECTED, parameters=Suspected(metrics=("p95_s",)))
    after = samples.document(
        samples.result("sessions.filtered", Verdict.PASS, *findings[1:], suspected),
        samples.result("dashboard.concurrent", Verdict.PASS, drift),
    )
    record = CreepRecord(
        run_id="20261202T020000Z-cccc",
        scenario="dashboard.concurrent",
        part="",
        anchor_run="20260303T020000Z-77c0",
        findings=(drift,),
    )
    return _mail(*later_news(after, known, [accepted], days=8, creeps=[record]))


def _mail(document: ResultsDocument, news: News) -> EmailMessage:
    return mail_of(document, news=news)
