"""What a mail says, in the order in which people need it: what is new with its causes, what is over, what is open."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from loadtasks.report import exemplars, table
from loadtasks.report.environment import environment_changes
from loadtasks.report.exemplars import RenderedExemplar
from loadtasks.report.findings import RenderedFinding, findings_of_kind, notes
from loadtasks.report.mail_links import MailLinks
from loadtasks.report.news_headline import is_all_clear
from loadtasks.report.percentiles import MARK
from loadtasks.report.text import columns
from loadtasks.report.topics import RenderedTopic, lines_of_open, lines_of_over
from loadtasks.report.trend import Trend
from loadtasks.results.document import ResultsDocument
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.news import News
from loadtasks.results.topic import TopicKind

_SAID_ELSEWHERE = (
    FindingCode.REGRESSION_ACKNOWLEDGED,
    FindingCode.RECOVERING,
    FindingCode.RECOVERED,
    FindingCode.ACCEPTED_AUTOMATICALLY,
    FindingCode.CREEP,
    FindingCode.ENVIRONMENT_CHANGED,
)
"""Findings that the mail has in its own lines of what is new, over or still open, or once for all scenarios."""
_NEVER_MAILED = (FindingCode.SUSPECTED, FindingCode.THRESHOLD_RAISED)
"""Findings that only the report has."""
MAX_ITEMS = 12
"""Of a section. Gmail cuts a mail off after 102 kB of HTML; of an item there are about 2 kB, of a row 1.2."""
MAX_OPEN = 20
MAX_ROWS = 40
_SECTIONS = (
    ("Targets missed", "fail", (TopicKind.TARGET,)),
    ("Regressions", "regressed", (TopicKind.REGRESSION, TopicKind.REFERENCE)),
    ("Creep (slow drifts, each reported once)", "regressed", (TopicKind.CREEP,)),
)
"""What is new, in the order of gravity; what is invalid stands before the last one."""


@dataclass(frozen=True)
class MailItem:
    """One thing that is new: what a run has found of it, why, and where to decide about it."""

    rendered: RenderedTopic
    causes: Sequence[RenderedFinding]
    """Those of its scenario, with the first item of that scenario alone."""
    slowest: Sequence[RenderedExemplar]
    trend: Trend | None
    link: str | None
    """The page on which people decide about it."""

    @property
    def is_creep(self) -> bool:
        """Whether it is a slow drift, which has a next step and no confidence of its own."""
        return self.rendered.topic.kind is TopicKind.CREEP


@dataclass(frozen=True)
class MailSection:
    """What is new of one kind."""

    heading: str
    tone: str
    """The name of its colour."""
    items: Sequence[MailItem]
    left_out: int = 0
    """How many more there are, for which there is no room."""
    is_creep: bool = False
    """Whether it comes last, after what is invalid."""


def run_content(
    document: ResultsDocument, news: News, links: MailLinks, trends: Sequence[Trend], *, has_news: bool
) -> dict[str, Any]:
    """What the templates of a mail about a run are rendered with.

    `has_news`: whether anything is new or over; otherwise it is a reminder or a digest.
    """
    all_rows = table.rows(document)
    rows = all_rows[:MAX_ROWS]
    plain_table = _plain_table(rows)
    made = list(_sections(document, news, links, trends))
    first = {item.rendered.topic.key for section in made for item in section.items}
    return {
        "document": document,
        "run": document.run,
        "refusal": None,
        "links": links,
        "sections": made,
        "invalid": _by_reason(RenderedTopic(one, document) for one in news.new if one.kind is TopicKind.INVALID),
        "other_trends": [trend for trend in trends if trend.topic.key not in first],
        "over": lines_of_over([RenderedTopic(topic, document) for topic in news.over]),
        "all_clear": is_all_clear(news),
        "still_open": open_lines(news, links, document),
        "notes": [note for note in notes(document) if note.finding.code not in (*_SAID_ELSEWHERE, *_NEVER_MAILED)],
        "environment": list(environment_changes(document.scenarios)),
        "has_news": has_news,
        "rows": rows,
        "rows_left_out": len(all_rows) - len(rows),
        "plain_table": plain_table,
        "has_marks": MARK in plain_table,
    }


def refusal_content(news: News, links: MailLinks) -> dict[str, Any]:
    """The same of a run that could not be opened."""
    refusal = next(topic for topic in (*news.new, *news.still_open) if topic.kind is TopicKind.REFUSAL)
    return {
        "links": links,
        "refusal": RenderedTopic(refusal),
        "still_open": open_lines(news, links),
        "sections": [],
        "over": [],
        "week": None,
        "other_trends": [],
    }


@dataclass(frozen=True)
class OpenLine:
    """What is still open, in a line."""

    text: str
    link: str | None
    """The page on which people decide about it; None where there is nothing to decide."""


def open_lines(news: News, links: MailLinks, document: ResultsDocument | None = None) -> list[OpenLine]:
    """What is still open, a line each, but for the refusal that the mail is about."""
    topics = [topic for topic in news.still_open if document is not None or topic.kind is not TopicKind.REFUSAL]
    alone = [RenderedTopic(topic, document) for topic in topics if topic.kind is TopicKind.REGRESSION]
    together = [RenderedTopic(topic, document) for topic in topics if topic.kind is not TopicKind.REGRESSION]
    lines = [
        *(_open_regression(one, links.regression(one.topic.regression)) for one in alone),
        *(OpenLine(line, None) for line in lines_of_open(together)),
    ]
    left_out = len(lines) - MAX_OPEN
    return [*lines[:MAX_OPEN], *([OpenLine(f"and {left_out} more", None)] if left_out > 0 else [])]


def _open_regression(rendered: RenderedTopic, link: str | None) -> OpenLine:
    return OpenLine(rendered.still_wrong if link else rendered.still_open, link)


def _sections(
    document: ResultsDocument, news: News, links: MailLinks, trends: Sequence[Trend]
) -> Iterator[MailSection]:
    of_topic = {trend.topic.key: trend for trend in trends}
    explained: set[str] = set()
    """Scenarios whose causes have been said."""
    causes = [one for one in findings_of_kind(document, FindingKind.DIAGNOSIS) if not one.result.verdict.good]
    slowest = exemplars.of_bad(document)
    for heading, tone, kinds in _SECTIONS:
        items = []
        found = [RenderedTopic(topic, document) for topic in news.new if topic.kind in kinds]
        for rendered in sorted(found, key=lambda one: one.worst.excess, reverse=True)[:MAX_ITEMS]:
            topic = rendered.topic
            explains = topic.scenario not in explained and topic.kind is not TopicKind.CREEP
            item = MailItem(
                rendered=rendered,
                causes=[one for one in causes if explains and one.result.scenario == topic.scenario],
                slowest=[slow for slow in slowest if explains and slow.measurement.scenario == topic.scenario],
                trend=of_topic.get(topic.key),
                link=links.regression(topic.regression),
            )
            items.append(item)
            if explains:
                explained.add(topic.scenario)
        if items:
            yield MailSection(heading, tone, items, len(found) - len(items), is_creep=TopicKind.CREEP in kinds)


def _by_reason(topics: Iterable[RenderedTopic]) -> dict[str, list[str]]:
    """The scenarios that are invalid for each reason."""
    by_reason: dict[str, list[str]] = {}
    for topic in topics:
        by_reason.setdefault(topic.reason, []).append(topic.label)
    reasons = list(by_reason)
    left_out = [label for reason in reasons[MAX_ITEMS:] for label in by_reason[reason]]
    shown = {reason: by_reason[reason] for reason in reasons[:MAX_ITEMS]}
    return shown | ({f"and {len(left_out)} more, each for a reason of its own": ["Others"]} if left_out else {})


def _plain_table(rows: list[table.TableRow]) -> str:
    """The table in columns, narrow enough for a mail."""
    names = ("scenario", "verdict", *(metric.name for metric in table.MAIL_METRICS), "change")
    cells = [[table.COLUMNS[name] for name in names], *([row.cell(name) for name in names] for row in rows)]
    return columns(cells, left=(0, 1))
