"""The first line of a mail: what is new, never what is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from loadtasks import units
from loadtasks.report.headline import NO_TARGET, is_untargeted
from loadtasks.report.topics import RenderedTopic, lines_of_over, over_in_short, without_run_ids
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
    DIGEST = "DIGEST"
    TEST = "TEST"

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
    MailWord.DIGEST: "≡",
    MailWord.TEST: "●",
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
    subject: str
    """The same in short, for the subject, without the id of any run."""


ALL_CLEAR = "all clear"
"""What a mail says first where nothing is open any more."""


def news_headline(news: News, document: ResultsDocument | None = None) -> NewsHeadline:
    """The gravest of what is new, else what is over, else what is still open.

    Args:
        news: what the mail says.
        document: the run; None of one that was never opened.
    """
    for word, kinds in _BY_GRAVITY:
        topics = [RenderedTopic(topic, document) for topic in news.new if topic.kind in kinds]
        if not topics:
            continue
        if word is MailWord.INVALID:
            return _invalid(topics, document)
        untargeted = f"{NO_TARGET}; " if document is not None and is_untargeted(document) else ""
        worst, more = max(topics, key=lambda topic: topic.worst.excess), _more(len(topics) - 1)
        sentence = f"{untargeted}{worst.label}: {worst.reason}{more}"
        return NewsHeadline(word, sentence, f"{untargeted}{worst.in_short}{more}")
    accepted = [topic for topic in news.over if topic.code is FindingCode.ACCEPTED_AUTOMATICALLY]
    if accepted:
        return _over(MailWord.ACCEPTED, [*accepted, *(one for one in news.over if one not in accepted)], document)
    if news.over:
        return _over(MailWord.RECOVERED, news.over, document, all_clear=is_all_clear(news))
    return _still_open(news.still_open, document)


def is_all_clear(news: News) -> bool:
    """Whether a mail says that what was wrong is over and nothing else is."""
    return bool(news.over) and not news.new and not news.still_open


def _invalid(topics: Sequence[RenderedTopic], document: ResultsDocument | None) -> NewsHeadline:
    first = topics[0]
    short = without_run_ids(first.reason, first.topic.findings)
    if first.topic.kind is TopicKind.REFUSAL:
        before = "nothing was measured: "
        return NewsHeadline(MailWord.INVALID, f"{before}{first.reason}", f"{before}{short}")
    reasons = {topic.reason for topic in topics}
    if document is not None and len(topics) == len(document.scenarios) > 1 == len(reasons):
        before = "no scenario could be measured: "
        return NewsHeadline(MailWord.INVALID, f"{before}{first.reason}", f"{before}{short}")
    more = f"; and {len(topics) - 1} more invalid" if len(topics) > 1 else ""
    return NewsHeadline(MailWord.INVALID, f"{first.label}: {first.reason}{more}", f"{first.in_short}{more}")


def _over(
    word: MailWord, topics: Sequence[Topic], document: ResultsDocument | None, *, all_clear: bool = False
) -> NewsHeadline:
    rendered = [RenderedTopic(topic, document) for topic in topics]
    first, *others = lines_of_over(rendered)
    before, more = f"{ALL_CLEAR}: " if all_clear else "", _more(len(others))
    return NewsHeadline(word, f"{before}{first}{more}", f"{before}{over_in_short(rendered)}{more}")


def _still_open(topics: Sequence[Topic], document: ResultsDocument | None) -> NewsHeadline:
    """`still open after 8 days: regression 7, dashboard.concurrent: p50 +38 %, 121 ms → 167 ms (and 2 more)`."""
    unheard = [topic for topic in topics if topic.acknowledged_by is None]
    oldest = RenderedTopic(min(unheard, key=lambda topic: topic.since), document)
    passed = (document.run.started_at - oldest.topic.since).days if document is not None else -1
    days = units.plural(passed, "day") if passed >= 0 else ""  # less than none by a clock that went back
    before, more = f"still open{f' after {days}' if days else ''}: ", _more(len(unheard) - 1)
    what = f"{oldest.label}: {oldest.change or oldest.reason}"
    return NewsHeadline(MailWord.REMINDER, f"{before}{what}{more}", f"{before}{oldest.in_short}{more}")


def _more(number: int) -> str:
    return f" (and {number} more)" if number else ""
