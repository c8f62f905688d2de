"""The first line of a mail: what is new, never what is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from loadtasks import units
from loadtasks.report.headline import NO_TARGET, is_untargeted
from loadtasks.report.topics import RenderedTopic, lines_of_over
from loadtasks.results.document import ResultsDocument
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.news import News
from loadtasks.results.topic import Topic, TopicKind


class MailWord(StrEnum):
    """What a mail is about, in its subject and above its text."""

    FAIL = "FAIL"
    REGRESSED = "REGRESSED"
    INVALID = "INVALID"
    CREEP = "CREEP"
    ACCEPTED = "ACCEPTED"
    RECOVERED = "RECOVERED"
    REMINDER = "REMINDER"
    LATE = "LATE"
    MISSED = "MISSED"

    @property
    def symbol(self) -> str:
        """A shape for each, so that colour never is the only meaning."""
        return _SYMBOL[self]


_SYMBOL = {
    MailWord.FAIL: "✗",
    MailWord.REGRESSED: "▲",
    MailWord.INVALID: "?",
    MailWord.CREEP: "◢",
    MailWord.ACCEPTED: "●",
    MailWord.RECOVERED: "✓",
    MailWord.REMINDER: "●",
    MailWord.LATE: "◷",
    MailWord.MISSED: "∅",
}
_BY_GRAVITY = (
    (MailWord.FAIL, (TopicKind.TARGET,)),
    (MailWord.REGRESSED, (TopicKind.REGRESSION, TopicKind.REFERENCE)),
    (MailWord.INVALID, (TopicKind.INVALID, TopicKind.REFUSAL)),
    (MailWord.CREEP, (TopicKind.CREEP,)),
)
"""As the verdicts of a run: see `loadtasks.results.judgement.overall`. Creep, which decides no verdict, comes last."""


@dataclass(frozen=True)
class NewsHeadline:
    """The word and the sentence of a mail."""

    word: MailWord
    sentence: str
    """Without its full stop."""


def news_headline(news: News, document: ResultsDocument | None = None) -> NewsHeadline:
    """The gravest of what is new, else what is over, else what is still open.

    Args:
        news: what the mail says.
        document: the run; None of one that was never opened.
    """
    for word, kinds in _BY_GRAVITY:
        topics = [RenderedTopic(topic, document) for topic in news.new if topic.kind in kinds]
        if topics and word is MailWord.INVALID:
            return NewsHeadline(word, _invalid(topics, document))
        if topics:
            untargeted = f"{NO_TARGET}; " if document is not None and is_untargeted(document) else ""
            return NewsHeadline(word, f"{untargeted}{_worst(topics)}")
    accepted = [topic for topic in news.over if topic.code is FindingCode.ACCEPTED_AUTOMATICALLY]
    if accepted:
        others = [topic for topic in news.over if topic not in accepted]
        return NewsHeadline(MailWord.ACCEPTED, _over([*accepted, *others], document))
    if news.over:
        return NewsHeadline(MailWord.RECOVERED, _over(news.over, document))
    return NewsHeadline(MailWord.REMINDER, _still_open(news.still_open, document))


def _worst(topics: Sequence[RenderedTopic]) -> str:
    worst = max(topics, key=lambda topic: topic.worst.excess)
    return f"{worst.label}: {worst.reason}{_more(len(topics) - 1)}"


def _invalid(topics: Sequence[RenderedTopic], document: ResultsDocument | None) -> str:
    first = topics[0]
    if first.topic.kind is TopicKind.REFUSAL:
        return f"nothing was measured: {first.reason}"
    reasons = {topic.reason for topic in topics}
    if document is not None and len(topics) == len(document.scenarios) > 1 == len(reasons):
        return f"no scenario could be measured: {first.reason}"
    more = f"; and {len(topics) - 1} more invalid" if len(topics) > 1 else ""
    return f"{first.label}: {first.reason}{more}"


def _over(topics: Sequence[Topic], document: ResultsDocument | None) -> str:
    first, *others = lines_of_over([RenderedTopic(topic, document) for topic in topics])
    return f"{first}{_more(len(others))}"


def _still_open(topics: Sequence[Topic], document: ResultsDocument | None) -> str:
    """`still open after 8 days: regression 7, dashboard.concurrent: p50 +38 %, 121 ms → 167 ms (and 2 more)`."""
    unheard = [topic for topic in topics if topic.acknowledged_by is None]
    oldest = RenderedTopic(min(unheard, key=lambda topic: topic.since), document)
    passed = (document.run.started_at - oldest.topic.since).days if document is not None else -1
    days = units.plural(passed, "day") if passed >= 0 else ""  # less than none by a clock that went back
    what = oldest.change or oldest.reason
    return f"still open{f' after {days}' if days else ''}: {oldest.label}: {what}{_more(len(unheard) - 1)}"


def _more(number: int) -> str:
    return f" (and {number} more)" if number else ""
