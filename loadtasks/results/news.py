"""What is new in a run: its verdicts and the life of its regressions, compared with what was reported before.

- A missed target is news when it is missed and was not, or is seen again after `invalid`. It is over when its scenario
  was measured and meets it. Worse than a reference, in paired runs, is the same.
- An invalid scenario is news when it was valid, or is invalid for another reason, and over when it is valid.
- A regression is news while it is open and no message has reported it, and over when later runs have shown that, or
  when it is accepted because nobody has answered it. One that most scenarios share is one piece of news, once more if
  it was reported of a single scenario before.
- A creep is news once; then it is never mentioned again.
- Runs that can't be opened are news when they could be, or for another reason, and over when one was opened.

A scenario that was not measured, or not validly, says nothing about what was missed before: that stays open. What a
person has decided about a regression is no news.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from loadtasks.results.creep_record import CreepRecord
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.parameters import StoredText
from loadtasks.results.findings.reference import Inconclusive
from loadtasks.results.findings.targets import TargetNotEvaluated
from loadtasks.results.judgement import Verdict
from loadtasks.results.message import ReportedMessage
from loadtasks.results.regression import Regression, RegressionState, grouped
from loadtasks.results.regression_topics import acceptance, accepted_topics, unended_topics
from loadtasks.results.run import RunPlace
from loadtasks.results.topic import Topic, TopicEvent, TopicKey, TopicKind

_REMEMBERED_RUNS = 30
"""A scenario that none of so many runs has planned is gone, and what was wrong with it is no longer mentioned."""
_SHOWN_BY_RUNS = (RegressionState.FIXED, RegressionState.ACCEPTED)
"""States that a regression has without a person's word where runs show that: it is back to normal, or unanswered."""
_EARLY = timedelta(hours=3)
"""So much before its time a reminder is due: a daily run may begin a little earlier than the one before, or an hour
where a zone's summer time begins."""


@dataclass(frozen=True)
class Reported:
    """What people know before a run's message is composed."""

    messages: Sequence[ReportedMessage] = ()
    """The delivered and pending ones of the service, oldest first."""
    lost: Sequence[Topic] = ()
    """What messages had reported that were given up since the last one: it is unreported, and has a beginning."""
    regressions: Sequence[Regression] = ()
    """All of the service, ended ones too."""
    creeps: Sequence[CreepRecord] = ()
    """What the runs of the service have reported."""
    runs: Sequence[RunPlace] = ()
    """The runs of the service, oldest first."""
    reminder_days: int = 0
    """After how many days without a word about it people are reminded of what is still wrong; 0: never."""


@dataclass(frozen=True)
class News:
    """What a run's message says, if one is due."""

    new: list[Topic] = field(default_factory=list)
    """What began or changed."""
    over: list[Topic] = field(default_factory=list)
    """What ended."""
    still_open: list[Topic] = field(default_factory=list)
    """What was reported before, and is not over."""
    reminder: bool = False
    """Whether a reminder of what is still open is due."""

    @property
    def is_due(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.new or self.over) or self.reminder

    @property
    def topics(self) -> tuple[Topic, ...]:
        """Everything that the message mentions."""
        return (*self.new, *self.over, *self.still_open)


def find_news(document: ResultsDocument, reported: Reported) -> News:
    """What is new in a judged run."""
    run = document.run
    later = {place.id for place in reported.runs if place.sequence > run.sequence}
    began = {place.id: place.started_at for place in reported.runs}
    known = _accepted_here(run.id, reported, began) | _open_topics(reported.messages)
    spoken = {topic.key for message in reported.messages if message.run_id in later for topic in message.topics}
    current = {topic.key: topic for topic in _observed(document)}
    current |= {topic.key: topic for topic in unended_topics(document, reported.regressions, began, later)}
    current |= {topic.key: topic for topic in _creeps(document, reported, later) if topic.key not in known}
    lost = {topic.key: topic for topic in reported.lost}
    new, over, still_open = [], [], []
    for key, topic in current.items():
        if key in spoken:  # by a run that was opened later: this one was overtaken
            continue
        before = known.get(key)
        if before is None and topic.acknowledged_by is not None:
            still_open.append(topic.model_copy(update={"event": TopicEvent.REMINDED}))
        elif before is None:
            new.append(_continued(topic, lost.get(key, topic), TopicEvent.BEGAN))
        elif topic.code is not before.code or _reappeared(topic, known) or _has_spread(topic, before):
            new.append(_continued(topic, before, TopicEvent.CHANGED))
        else:
            still_open.append(_continued(topic, before, TopicEvent.REMINDED))
    ends = _Ends(document, reported, frozenset(later))
    for key, topic in known.items():
        if key in current or key in spoken:
            continue
        if ends.is_over(topic):
            over.append(topic.model_copy(update={"event": TopicEvent.ENDED, **ends.last_state(topic)}))
        elif ends.is_open(topic):
            still_open.append(topic.model_copy(update={"event": TopicEvent.REMINDED}))
    unheard = any(topic.acknowledged_by is None and topic.scenario in run.scenarios for topic in still_open)
    reminder = unheard and not new and not over and _is_reminder_due(run.started_at, run.id, reported)
    return News(new=new, over=over, still_open=still_open, reminder=reminder)


def news_of_refusal(reason: str, at: datetime, reported: Reported) -> News:
    """What is new where a run could not be opened, at a time, for a reason that people read."""
    known = _open_topics(reported.messages)
    text = Finding(code=FindingCode.TEXT, parameters=StoredText(kind=FindingKind.VALIDITY, text=reason))
    topic = Topic(kind=TopicKind.REFUSAL, event=TopicEvent.BEGAN, since=at, findings=(text,))
    before = known.pop(topic.key, None)
    still_open = [one.model_copy(update={"event": TopicEvent.REMINDED}) for one in known.values()]
    if before is None:
        return News(new=[topic], still_open=still_open)
    if before.findings != topic.findings:
        return News(new=[_continued(topic, before, TopicEvent.CHANGED)], still_open=still_open)
    reminded = _continued(topic, before, TopicEvent.REMINDED)
    return News(still_open=[reminded, *still_open], reminder=_is_reminder_due(at, None, reported))


def _open_topics(messages: Iterable[ReportedMessage]) -> dict[TopicKey, Topic]:
    """What people believe to be wrong: what a message reported as new, in its newest form, and none said was over."""
    known: dict[TopicKey, Topic] = {}
    for message in messages:
        for topic in message.topics:
            if topic.event is TopicEvent.ENDED:
                known.pop(topic.key, None)
            elif topic.event.is_new or topic.key in known:  # else the message that reported it was given up
                known[topic.key] = topic
    return known


def _observed(document: ResultsDocument) -> Iterator[Topic]:
    """What a run's own verdicts say is wrong, but for regressions, whose state is kept elsewhere."""
    for result in document.scenarios:
        if result.verdict is Verdict.INVALID:
            doubts = [finding for finding in result.findings if finding.kind is FindingKind.VALIDITY]
            key = TopicKey(TopicKind.INVALID, result.scenario, "", "")
            yield _topic(document, key, doubts or [Finding(code=FindingCode.NOT_JUDGED)])
            continue
        groups: dict[TopicKey, list[Finding]] = {}
        for finding in result.findings:
            if (kind := _kind_of(finding)) is not None:
                key = TopicKey(kind, result.scenario, finding.part, _name_of(finding))
                groups.setdefault(key, []).append(finding)
        yield from (_topic(document, key, findings) for key, findings in groups.items())


def _topic(document: ResultsDocument, key: TopicKey, findings: Sequence[Finding]) -> Topic:
    return Topic(
        event=TopicEvent.BEGAN,
        since=document.run.started_at,
        since_run=document.run.id,
        findings=tuple(findings),
        **key._asdict(),
    )


def _kind_of(finding: Finding) -> TopicKind | None:
    """What a finding of a valid scenario is about; None of one that is not reported by itself."""
    if finding.misses_target:
        return TopicKind.TARGET
    return TopicKind.REFERENCE if finding.code is FindingCode.REFERENCE_REGRESSION else None


def _name_of(finding: Finding) -> str:
    """What tells the targets of a scenario apart: the metric, else the expectation's place in its file."""
    if isinstance(finding.parameters, TargetNotEvaluated):
        return f"{finding.parameters.suite}#{finding.parameters.number}"
    return finding.metric


def _accepted_here(run_id: str, reported: Reported, began: Mapping[str, datetime]) -> dict[TopicKey, Topic]:
    """The regressions that a run has accepted, unless a message has said so: also those that none had reported."""
    heard = {topic.key for message in reported.messages for topic in message.topics if topic.event is TopicEvent.ENDED}
    accepted = accepted_topics(run_id, reported.regressions, began)
    return {topic.key: topic for topic in accepted if topic.key not in heard}


def _creeps(document: ResultsDocument, reported: Reported, later: Collection[str]) -> Iterator[Topic]:
    """The creeps that this run, or one shortly before it, has found."""
    began = {place.id: place.started_at for place in reported.runs if place.id not in later}
    began[document.run.id] = document.run.started_at
    for record in reported.creeps:
        if record.run_id in list(began)[-_REMEMBERED_RUNS:]:
            yield Topic(
                kind=TopicKind.CREEP,
                event=TopicEvent.BEGAN,
                scenario=record.scenario,
                part=record.part,
                name=record.run_id,
                since=began[record.run_id],
                since_run=record.run_id,
                findings=record.findings,
            )


def _continued(topic: Topic, before: Topic, event: TopicEvent) -> Topic:
    """What is known, with what this run shows of it."""
    return topic.model_copy(update={"event": event, "since": before.since, "since_run": before.since_run})


def _reappeared(topic: Topic, known: Mapping[TopicKey, Topic]) -> bool:
    """Whether a known missed target is seen again after its scenario was invalid."""
    was_invalid = TopicKey(TopicKind.INVALID, topic.scenario, "", "") in known
    return topic.kind in (TopicKind.TARGET, TopicKind.REFERENCE) and was_invalid


def _has_spread(topic: Topic, before: Topic) -> bool:
    """Whether a regression that was reported of one scenario turned out to be one of several."""
    return bool(topic.scenarios) and not before.scenarios


@dataclass(frozen=True)
class _Ends:
    """What this run, and people, say about what was reported before and this run doesn't show."""

    document: ResultsDocument
    reported: Reported
    later: frozenset[str]

    def is_over(self, topic: Topic) -> bool:
        """Whether it is over, and people should hear of it."""
        match topic.kind:
            case TopicKind.REGRESSION:
                last = self._last_ended(topic)
                return last is not None and last.state in _SHOWN_BY_RUNS and not last.by_hand
            case TopicKind.CREEP:
                return False
            case TopicKind.REFUSAL:
                return True
            case TopicKind.REFERENCE:
                return self._is_compared(topic)
            case _:
                return self._valid_result(topic) is not None

    def last_state(self, topic: Topic) -> dict[str, Any]:
        """What is said of what is over: the fields of its topic that change."""
        last = self._last_ended(topic) if topic.kind is TopicKind.REGRESSION else None
        if last is None or last.accepted_automatically_in is None:
            return {}
        members = self._members(topic)
        accepted = [one.label for one in members if one.accepted_automatically_in == last.accepted_automatically_in]
        return {
            "findings": (acceptance(members[0], last.accepted_automatically_in, self.reported.runs),),
            "scenarios": tuple(accepted) if len(accepted) > 1 else (),
        }

    def is_open(self, topic: Topic) -> bool:
        """Whether it still has to be taken for open. What is neither open nor over is of no interest any more."""
        if topic.kind is TopicKind.CREEP:  # it was reported, which is all
            return False
        if topic.kind is TopicKind.REGRESSION:  # all that have not ended are known already; this one was decided about
            return False
        newest = [place for place in self.reported.runs if place.id not in self.later][-_REMEMBERED_RUNS:]
        return any(topic.scenario in place.scenarios for place in newest)

    def _last_ended(self, topic: Topic) -> Regression | None:
        """Of the regressions that a topic is about the one that ended last, which says how all of it did.

        None where any has not ended, and of a regression that turned out to be part of one that has a topic of its own.
        """
        members = self._members(topic)
        if not members or members[0] != self._regression(topic) or not all(one.state.ended for one in members):
            return None
        return max(members, key=lambda one: one.moves[-1].at)

    def _members(self, topic: Topic) -> list[Regression]:
        """The regressions that people know as one, of which a topic is about the first or another."""
        own = self._regression(topic)
        return next((members for members in grouped(self.reported.regressions) if own in members), [])

    def _regression(self, topic: Topic) -> Regression | None:
        """The regression that a topic is about; None where it went with the run that had found it."""
        same = [
            regression
            for regression in self.reported.regressions
            if (regression.scenario, regression.part) == (topic.scenario, topic.part)
        ]
        by_run = [regression for regression in same if regression.found_run == topic.name]
        return next(iter(by_run or [regression for regression in same if regression.id == topic.regression]), None)

    def _valid_result(self, topic: Topic) -> ScenarioResult | None:
        """The scenario of a topic, if it was measured and can be trusted."""
        for result in self.document.scenarios:
            if result.scenario == topic.scenario and result.verdict is not Verdict.INVALID:
                parts = {measurement.part for measurement in result.measurements}
                return result if topic.part in parts else None
        return None

    def _is_compared(self, topic: Topic) -> bool:
        """Whether a paired run had a decision about what was worse than the reference."""
        result = self._valid_result(topic)
        if result is None or self.document.run.reference_url is None:
            return False
        undecided = any(
            isinstance(finding.parameters, Inconclusive)
            and any(one.metric == topic.name for one in finding.parameters.metrics)
            for finding in result.findings
        )
        return result.reference_problem is None and not undecided


def _is_reminder_due(at: datetime, run_id: str | None, reported: Reported) -> bool:
    """Whether nothing open was mentioned for so many days.

    Days are the steps from run to run, without those of a clock that was set back: such a clock delays a reminder by no
    more than it was wrong, and never silences it.
    """
    last = next((message for message in reversed(reported.messages) if message.names_something_open), None)
    if not reported.reminder_days or last is None or (run_id is not None and last.run_id == run_id):
        return False
    moments = [last.run_started_at]
    for place in reported.runs:
        if place.id == run_id:
            break
        if place.sequence >= last.sequence and place.id != last.run_id:
            moments.append(place.started_at)
    moments.append(at)
    steps = (max(after - before, timedelta()) for before, after in pairwise(moments))
    return sum(steps, timedelta()) >= timedelta(days=reported.reminder_days) - _EARLY
