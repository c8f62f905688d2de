"""What is news, run after run: each case is a service's life and what is reported to people."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from loadtasks.results.creep_record import CreepRecord
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.reference import Inconclusive, MetricRatio, ReferenceShift
from loadtasks.results.findings.targets import ErrorSummary
from loadtasks.results.judgement import overall
from loadtasks.results.message import ReportedMessage
from loadtasks.results.news import News, Reported, find_news, news_of_refusal
from loadtasks.results.regression import AUTOMATIC, Move, Regression, RegressionState
from loadtasks.results.run import RunPlace
from loadtasks.results.topic import Topic, TopicEvent
from tests.loadtasks.report.sentences.examples_lifecycle import EXAMPLES
from tests.measurements import STARTED_AT, measurement, run
from tests.stored_runs import DASHBOARD, SESSIONS, invalid, missed, regression, verdict_of

SHIFT = ReferenceShift(ratio=1.2, low=1.1, high=1.3, rounds=30, reference_version="1.0")
SLOWER = Finding(code=FindingCode.REFERENCE_REGRESSION, metric="p50_s", observed=0.12, limit=0.1, parameters=SHIFT)
NOTHING = Finding(
    code=FindingCode.NOTHING_SUCCEEDED,
    metric="p95_s",
    observed=0.0,
    parameters=ErrorSummary(admitted=9, not_completed=9),
)
RATIO = MetricRatio(metric="p50_s", ratio=1.02, low=0.9, high=1.1)
OUTCOMES: dict[str, dict[str, Any]] = {
    "ok": {},
    "p95": {DASHBOARD: [missed("p95_s")]},
    "p99": {DASHBOARD: [missed("p99_s")]},
    "both": {DASHBOARD: [missed("p95_s"), missed("p99_s")]},
    "part": {DASHBOARD: [missed("p95_s", part="sessions")]},
    "nothing": {DASHBOARD: [NOTHING]},
    "down": {DASHBOARD: [invalid()]},
    "lost": {DASHBOARD: [Finding(code=FindingCode.NOT_MEASURED)]},
    "slower": {DASHBOARD: [SLOWER]},
    "inconclusive": {
        DASHBOARD: [Finding(code=FindingCode.INCONCLUSIVE, parameters=Inconclusive(metrics=(RATIO,), rounds=480))]
    },
    "other": {SESSIONS: []},
}
"""What a run finds; of the dashboard unless another scenario is named."""


class Life:
    """A service with one run a day, whose messages all arrive."""

    def __init__(self, reminder_days: int = 7) -> None:
        self.messages: list[ReportedMessage] = []
        self.lost: list[Topic] = []
        self.regressions: list[Regression] = []
        self.creeps: list[CreepRecord] = []
        self.runs: list[RunPlace] = []
        self.reminder_days = reminder_days

    def reported(self) -> Reported:
        return Reported(
            self.messages, self.lost, self.regressions, self.creeps, runs=self.runs, reminder_days=self.reminder_days
        )

    def open(self, outcome: str, **of_run: Any) -> ResultsDocument:
        """A run, judged."""
        findings = OUTCOMES[outcome] or {DASHBOARD: []}
        sequence = len(self.runs) + 1
        planned = {
            "run_id": f"run-{sequence}",
            "scenarios": list(findings),
            "sequence": sequence,
            "started_at": STARTED_AT + timedelta(days=sequence),
        } | of_run
        opened = run(**planned)
        results = []
        for scenario, found in findings.items():
            verdict = verdict_of(scenario, found)
            parts = {"", *(finding.part for finding in found)}
            measured = (
                [measurement(scenario, part=part) for part in sorted(parts)] if verdict.verdict != "invalid" else []
            )
            results.append(ScenarioResult(endpoint="", measurements=measured, **verdict.model_dump()))
        self.runs.append(RunPlace(opened.id, opened.sequence, opened.started_at, opened.scenarios))
        return ResultsDocument(run=opened, verdict=overall([result.verdict for result in results]), scenarios=results)

    def tell(self, document: ResultsDocument) -> News:
        """The news of a run, reported where a message is due."""
        news = find_news(document, self.reported())
        if news.is_due:
            run_id, number = document.run.id, len(self.messages) + 1
            of_run = {"run_id": run_id, "sequence": document.run.sequence, "run_started_at": document.run.started_at}
            self.messages.append(ReportedMessage(id=number, topics=news.topics, **of_run))
        return news

    def add_run(self, outcome: str, **of_run: Any) -> str:
        return in_short(self.tell(self.open(outcome, **of_run)))


def in_short(news: News) -> str:
    """`+p95_s` began, `~` changed, `-` ended, `...` still open in a message, `.` nothing to tell."""
    if not news.is_due:
        return "."
    signs = {TopicEvent.BEGAN: "+", TopicEvent.CHANGED: "~", TopicEvent.ENDED: "-", TopicEvent.REMINDED: "..."}
    names = {"invalid": "invalid", "reference": "reference", "refusal": "refusal"}
    return " ".join(
        f"{signs[topic.event]}{names.get(topic.kind, topic.name if topic.kind == 'target' else topic.regression)}"
        for topic in news.topics
    )


@pytest.mark.parametrize(
    ("outcomes", "reported"),
    [
        ("ok ok", ". ."),
        ("p95 p95 ok ok", "+p95_s|.|-p95_s|."),
        ("p95 ok p95", "+p95_s|-p95_s|+p95_s"),
        ("p95 both p99", "+p95_s|+p99_s ...p95_s|-p95_s ...p99_s"),
        ("p95 p99", "+p95_s|+p99_s -p95_s"),
        ("p95 nothing nothing p95", "+p95_s|~p95_s|.|~p95_s"),
        ("part ok part", "+p95_s|.|."),  # the part was not measured: nothing is known of it
        ("down down ok", "+invalid|.|-invalid"),
        ("down lost lost ok", "+invalid|~invalid|.|-invalid"),
        ("p95 down p95 ok", "+p95_s|+invalid ...p95_s|~p95_s -invalid|-p95_s"),
        ("p95 down ok", "+p95_s|+invalid ...p95_s|-p95_s -invalid"),
        ("p95 other other ok", "+p95_s|.|.|-p95_s"),
        ("down p99", "+invalid|+p99_s -invalid"),
    ],
)
def test_a_missed_target_and_an_invalid_scenario_are_reported_when_they_begin_change_and_end(
    outcomes: str, reported: str
) -> None:
    life = Life()
    expected = reported.split("|") if "|" in reported else reported.split()
    assert [life.add_run(outcome) for outcome in outcomes.split()] == expected


@pytest.mark.parametrize(
    ("outcomes", "reported"),
    [
        ("slower slower ok=paired", "+reference|.|-reference"),
        ("slower ok slower", "+reference|.|."),  # a run without the reference says nothing of it
        ("slower inconclusive ok=paired", "+reference|.|-reference"),
    ],
)
def test_what_is_worse_than_a_reference_ends_with_a_paired_run(outcomes: str, reported: str) -> None:
    life, paired = Life(), {"reference_url": "http://127.0.0.1:8001"}
    shown = [
        life.add_run(outcome.removesuffix("=paired"), **(paired if outcome != "ok" else {}))
        for outcome in outcomes.split()
    ]
    assert shown == reported.split("|")


def test_a_reminder_comes_after_so_many_days_without_a_word_and_again() -> None:
    life = Life(reminder_days=3)
    assert [life.add_run("p95") for _ in range(8)] == ["+p95_s", ".", ".", "...p95_s", ".", ".", "...p95_s", "."]
    assert life.messages[-1].topics[0].since_run == "run-1"


def test_any_mail_that_mentions_it_puts_a_reminder_off() -> None:
    life = Life(reminder_days=3)
    outcomes = ["p95", "p95", "both", "p95", "p95", "p95", "p95"]
    assert [life.add_run(outcome) for outcome in outcomes] == [
        "+p95_s", ".", "+p99_s ...p95_s", "-p99_s ...p95_s", ".", ".", "...p95_s",
    ]  # fmt: skip


def test_no_reminder_comes_where_none_is_wanted_nor_by_a_run_that_leaves_the_scenario_out() -> None:
    never, subset = Life(reminder_days=0), Life(reminder_days=2)
    assert [never.add_run("p95") for _ in range(20)][1:] == ["."] * 19
    assert [subset.add_run(outcome) for outcome in ["p95", "other", "other", "other", "p95"]] == [
        "+p95_s", ".", ".", ".", "...p95_s",
    ]  # fmt: skip


def test_a_daily_run_that_begins_a_little_earlier_is_reminded_on_its_day() -> None:
    life = Life(reminder_days=2)
    early = STARTED_AT + timedelta(days=3) - timedelta(hours=1)
    assert [life.add_run("p95"), life.add_run("p95"), life.add_run("p95", started_at=early)] == [
        "+p95_s",
        ".",
        "...p95_s",
    ]


@pytest.mark.parametrize("hours", [-24 * 400, 24 * 400])
def test_a_clock_that_jumps_delays_a_reminder_by_no_more_than_its_days(hours: int) -> None:
    life, jump = Life(reminder_days=3), timedelta(hours=hours)
    life.add_run("p95", started_at=STARTED_AT + timedelta(days=1) - jump)  # reported when the clock was wrong
    reported = [life.add_run("p95", started_at=STARTED_AT + timedelta(days=day)) for day in range(2, 8)]
    assert "...p95_s" in reported[:4]


def test_what_was_wrong_with_a_scenario_that_is_gone_is_forgotten() -> None:
    life = Life()
    life.add_run("p95")
    for _ in range(35):
        life.add_run("other")
    assert [topic.scenario for topic in find_news(life.open("other"), life.reported()).still_open] == []


def test_a_message_that_was_given_up_reported_nothing() -> None:
    life = Life()
    life.add_run("p95")
    lost = life.messages.pop()
    life.lost = list(lost.topics)
    news = life.tell(life.open("p95"))
    assert (in_short(news), news.new[0].since_run) == ("+p95_s", "run-1")


def test_a_later_mail_that_only_mentioned_it_does_not_stand_for_the_one_that_was_given_up() -> None:
    life = Life()
    life.add_run("p95")
    life.add_run("both")
    del life.messages[0]
    assert life.add_run("both") == "+p95_s ...p99_s"


def test_a_run_that_was_overtaken_reports_nothing_that_a_later_one_reported() -> None:
    life = Life()
    slow, quick = life.open("p95"), life.open("p95")
    assert in_short(life.tell(quick)) == "+p95_s"
    assert in_short(life.tell(slow)) == "."
    late = life.open("p95")
    assert life.add_run("ok") == "-p95_s"
    assert in_short(life.tell(late)) == "."


def test_a_run_in_place_of_a_removed_one_is_not_taken_for_overtaken() -> None:
    life = Life()
    life.add_run("ok")
    life.add_run("p95")
    life.add_run("p95")
    del life.runs[1:]
    assert life.add_run("both") == "+p99_s ...p95_s"


def test_a_creep_is_reported_once_and_never_mentioned_again() -> None:
    life = Life()
    life.add_run("ok")
    drift = EXAMPLES[FindingCode.CREEP]
    life.creeps = [CreepRecord(run_id="run-2", scenario=DASHBOARD, part="", anchor_run="run-1", findings=(drift,))]
    life.reminder_days = 1
    assert life.add_run("ok") == "+None"
    assert life.messages[-1].topics[0].kind == "creep"
    assert [life.add_run("ok"), life.add_run("p95"), life.add_run("p95")] == [".", "+p95_s", "...p95_s"]
    lost = life.messages.pop(0)
    life.messages = []
    life.lost = list(lost.topics)
    assert "+None" in life.add_run("p95")


def test_an_acceptance_is_reported_with_how_long_nobody_answered_also_if_nothing_was_reported_before() -> None:
    life = Life()
    life.regressions = [at_work(regression("run-1"))]
    life.add_run("ok")
    life.add_run("ok")
    accepted = Move(state=RegressionState.ACCEPTED, at=STARTED_AT, who=AUTOMATIC, why="", run_id="run-3")
    life.regressions = [life.regressions[0].model_copy(update={"moves": [*life.regressions[0].moves, accepted]})]
    heard = list(life.messages)
    for messages in (heard, []):
        life.messages = list(messages)
        life.runs = life.runs[:2]
        (topic,) = life.tell(life.open("ok")).over
        assert topic.code is FindingCode.ACCEPTED_AUTOMATICALLY
        assert topic.findings[0].parameters.runs == 2


def at_work(found: Regression, *states: RegressionState, by: str = AUTOMATIC) -> Regression:
    run_id = "run-2" if by == AUTOMATIC else None
    moves = [Move(state=state, at=STARTED_AT, who=by, why="", run_id=run_id) for state in states]
    return found.model_copy(update={"id": 7, "moves": [*found.moves, *moves]})


@pytest.mark.parametrize(
    ("states", "by", "reported"),
    [
        ([], AUTOMATIC, "."),
        ([RegressionState.FIXED], AUTOMATIC, "-7"),
        ([RegressionState.ACCEPTED], AUTOMATIC, "-7"),
        ([RegressionState.ACKNOWLEDGED], "ada", "."),
        ([RegressionState.ACCEPTED], "ada", "."),
        ([RegressionState.DISMISSED], "ada", "."),
        ([RegressionState.FIXED], "ada", "."),
    ],
)
def test_a_regression_is_reported_once_and_its_end_unless_somebody_decided_it(
    states: Sequence[RegressionState], by: str, reported: str
) -> None:
    life = Life()
    life.regressions = [at_work(regression("run-1"))]
    assert life.add_run("ok") == "+7"
    life.regressions = [at_work(regression("run-1"), *states, by=by)]
    assert life.add_run("ok") == reported
    assert life.add_run("ok") == "."


def test_a_regression_of_several_scenarios_is_reported_once_and_over_with_the_last() -> None:
    life = Life()
    first = at_work(regression("run-1"))
    second = at_work(regression("run-2", SESSIONS)).model_copy(update={"id": 8})
    life.regressions = [first]
    assert life.add_run("ok") == "+7"
    shared = [one.model_copy(update={"shared_since": "run-1"}) for one in (first, second)]
    life.regressions = shared
    news = life.tell(life.open("ok"))
    assert in_short(news) == "~7"  # once more, since it was reported of one scenario
    assert news.new[0].scenarios == (DASHBOARD, SESSIONS)
    assert life.add_run("ok") == "."
    fixed = Move(state=RegressionState.FIXED, at=STARTED_AT, who=AUTOMATIC, why="")
    over = [one.model_copy(update={"moves": [*one.moves, fixed]}) for one in shared]
    life.regressions = [over[0], shared[1]]
    assert life.add_run("ok") == "."
    life.regressions = over
    assert life.add_run("ok") == "-7"


def test_what_several_scenarios_share_is_accepted_in_one_piece_of_news_and_as_its_last_end_says() -> None:
    members = [at_work(regression("run-1", scenario)) for scenario in (DASHBOARD, SESSIONS, "static.get")]
    shared = [one.model_copy(update={"id": 7 + n, "shared_since": "run-1"}) for n, one in enumerate(members)]

    def ended(one: Regression, state: RegressionState, run: int, who: str = AUTOMATIC) -> Regression:
        at = STARTED_AT + timedelta(days=run)
        return one.model_copy(
            update={"moves": [*one.moves, Move(state=state, at=at, who=who, why="", run_id=f"run-{run}")]}
        )

    back = ended(shared[0], RegressionState.FIXED, 2)
    for reported_before in (True, False):
        life = Life()
        life.regressions = [shared[0]]
        assert life.add_run("ok") == "+7"
        life.regressions = shared if reported_before else [back, *shared[1:]]
        life.add_run("ok")
        life.messages = life.messages if reported_before else []
        life.regressions = [back, *(ended(one, RegressionState.ACCEPTED, 3) for one in shared[1:])]
        news = life.tell(life.open("ok"))
        assert in_short(news) == "-7"
        (topic,) = news.over
        assert (topic.code, topic.scenarios) == (FindingCode.ACCEPTED_AUTOMATICALLY, (SESSIONS, "static.get"))
        assert life.add_run("ok") == "."
    life = Life()
    life.regressions = shared
    life.add_run("ok")
    life.regressions = [back, *(ended(one, RegressionState.DISMISSED, 3, "ada") for one in shared[1:])]
    assert life.add_run("ok") == "."  # somebody decided about what was left of it


def test_an_acknowledged_regression_that_recovers_is_reported() -> None:
    life = Life()
    life.regressions = [at_work(regression("run-1"))]
    life.add_run("ok")
    life.regressions = [at_work(life.regressions[0], RegressionState.ACKNOWLEDGED, by="ada")]
    assert life.add_run("p95") == "+p95_s ...7"
    life.regressions = [at_work(life.regressions[0], RegressionState.FIXED)]
    assert life.add_run("p95") == "-7 ...p95_s"


def test_people_are_reminded_of_what_nobody_has_acknowledged() -> None:
    life = Life(reminder_days=2)
    life.regressions = [at_work(regression("run-1"))]
    assert [life.add_run("ok") for _ in range(3)] == ["+7", ".", "...7"]
    life.regressions = [at_work(life.regressions[0], RegressionState.ACKNOWLEDGED, by="ada")]
    assert [life.add_run("ok") for _ in range(4)] == ["."] * 4


def test_a_regression_that_ended_before_anybody_heard_of_it_is_no_news() -> None:
    life = Life()
    life.regressions = [at_work(regression("run-1"), RegressionState.FIXED)]
    assert life.add_run("ok") == "."


def test_a_regression_that_went_with_its_run_is_forgotten_and_one_of_its_id_is_another() -> None:
    life = Life()
    life.regressions = [at_work(regression("run-1"))]
    life.add_run("ok")
    life.regressions = []
    assert life.add_run("ok") == "."
    life.regressions = [at_work(regression("run-3"))]
    assert life.add_run("ok") == "+7"


def test_a_regression_that_is_open_again_is_reported_again() -> None:
    life = Life()
    life.regressions = [at_work(regression("run-1"))]
    life.add_run("ok")
    life.regressions = [at_work(regression("run-1"), RegressionState.FIXED)]
    life.add_run("ok")
    life.regressions = [at_work(regression("run-1"))]
    assert life.add_run("ok") == "+7"


def test_a_refusal_is_reported_once_by_reason_and_ends_with_a_run() -> None:
    life, reported = Life(reminder_days=2), []
    for day, reason in enumerate(["bad suite", "bad suite", "bad suite", "bad suite", "no scenarios"]):
        at = STARTED_AT + timedelta(days=day)
        news = news_of_refusal(reason, at, life.reported())
        reported.append(in_short(news))
        if news.is_due:
            message = {"run_id": None, "sequence": 0, "run_started_at": at, "topics": news.topics}
            life.messages.append(ReportedMessage(id=day + 1, **message))
    assert reported == ["+refusal", ".", "...refusal", ".", "~refusal"]
    assert life.add_run("ok") == "-refusal"
