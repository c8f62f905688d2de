"""The alert of a run as an e-mail: what is new in the subject, everything needed to judge it in the body."""

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from glob import escape
from pathlib import Path
from urllib.parse import urlsplit

from loadtasks.errors import BadInputError
from loadtasks.plain_text import plain
from loadtasks.report import exemplars, table
from loadtasks.report.environment import environment_changes
from loadtasks.report.findings import findings_of_kind, notes
from loadtasks.report.news_headline import NewsHeadline, news_headline
from loadtasks.report.percentiles import MARK
from loadtasks.report.template_environment import environment
from loadtasks.report.topics import RenderedTopic, lines_of_open, lines_of_over
from loadtasks.results.document import ResultsDocument
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.message import Message
from loadtasks.results.news import News
from loadtasks.results.topic import TopicKind
from loadtasks.whole_file import write_whole

_MAX_SUBJECT_LENGTH = 160
_MAX_SERVICE_LENGTH = 60
_MAX_LINE_LENGTH = 78
_COMMAND = re.compile("`[^`]+`")
_NO_BREAK = "\N{NO-BREAK SPACE}"
_TOLD_ELSEWHERE = (
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


@dataclass(frozen=True)
class Envelope:
    """From whom a mail is, and to whom: addresses as `someone@example.org` or `Some One <someone@example.org>`."""

    sender: str
    recipients: Sequence[str]


def compose(
    document: ResultsDocument,
    news: News,
    *,
    envelope: Envelope,
    report_url: str | None,
    given_up: Sequence[Message] = (),
) -> EmailMessage:
    """The alert of a run, as plain text and as HTML: what is new first, what is known in one line each.

    Args:
        document: the run, whole.
        news: what is new in it, over, or still open.
        envelope: from whom, and to whom.
        report_url: URL or path of the report; None where there is none.
        given_up: earlier messages that could not be delivered and that no message has mentioned.

    Raises:
        BadInputError: no recipient, or an address that is not one.
    """
    message = _message(news_headline(news, document), document.run.service, envelope)
    link = report_url if report_url and urlsplit(report_url).scheme in ("http", "https") else None
    content = {"document": document, "run": document.run, "report": report_url, "link": link, "refusal": None}
    _fill(message, content | _content(document, news) | {"given_up": given_up})
    return message


def compose_refusal(
    news: News,
    *,
    run_id: str,
    service: str | None,
    envelope: Envelope,
    given_up: Sequence[Message] = (),
) -> EmailMessage:
    """The mail about a run that could not be opened, of which there is no report; else as `compose`.

    Raises:
        BadInputError: no recipient, or an address that is not one.
    """
    headline = news_headline(news)
    message = _message(headline, service, envelope)
    refusal = next(topic for topic in (*news.new, *news.still_open) if topic.kind is TopicKind.REFUSAL)
    known = lines_of_open(RenderedTopic(topic) for topic in news.still_open if topic.kind is not TopicKind.REFUSAL)
    content = {
        "headline": headline,
        "run_id": run_id,
        "service": service,
        "refusal": RenderedTopic(refusal),
        "still_open": known,
        "given_up": given_up,
    }
    _fill(message, content)
    return message


def compose_notice(
    headline: NewsHeadline, details: Sequence[str], *, service: str | None, envelope: Envelope
) -> EmailMessage:
    """A mail about a run that is late or never came: one sentence, and what to know and do, a paragraph each.

    Raises:
        BadInputError: no recipient, or an address that is not one.
    """
    message = _message(headline, service, envelope)
    content = {"headline": headline, "details": details, "service": service}
    _fill(message, content, "notice")
    return message


def _message(headline: NewsHeadline, service: str | None, envelope: Envelope) -> EmailMessage:
    """A message with its headers."""
    if not envelope.recipients:
        raise BadInputError("the alert has no recipient; name at least one address to send it to.")
    origin = _address(envelope.sender)
    message = EmailMessage()
    message["Subject"] = subject_line(headline, service)
    message["From"] = origin
    message["To"] = [_address(recipient) for recipient in envelope.recipients]
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain=origin.domain)  # short enough for one line
    message["Auto-Submitted"] = "auto-generated"
    return message


def _fill(message: EmailMessage, content: Mapping[str, object], template: str = "mail") -> None:
    message.set_content(_text(content, template), cte="quoted-printable")
    message.add_alternative(_page(content, template), subtype="html", cte="quoted-printable")


def subject_line(headline: NewsHeadline, service: str | None) -> str:
    """`[FAIL] nightly performance of shop: orders.list: p95 3.02 s, target < 2.00 s`, one line of bounded length."""
    of_service = f" of {_cut(plain(service), _MAX_SERVICE_LENGTH)}" if service else ""
    return _cut(plain(f"[{headline.word}] nightly performance{of_service}: {headline.sentence}"), _MAX_SUBJECT_LENGTH)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def write_to(outbox: Path, name: str, message: EmailMessage) -> str:
    """Write a mail to `outbox/NAME.eml`, which every mail program opens. Returns the path.

    Raises:
        BadInputError: the outbox can't be written.
    """
    path = outbox / f"{name}.eml"
    try:
        outbox.mkdir(parents=True, exist_ok=True)
        write_whole(path, message.as_bytes(policy=SMTP))
    except OSError as error:
        raise BadInputError(
            f"{path}: the alert can't be written ({error.strerror or error}); make room or make {outbox} writable."
        ) from error
    return str(path)


def file_name(run_id: str, number: int) -> str:
    """The name, without its suffix, of the file of a run's first, second, ... message: `RUN`, `RUN+2`, ..."""
    return run_id if number == 1 else f"{run_id}+{number}"


def remove_from(outbox: Path, run_id: str) -> None:
    """Remove the mails of a run, if there are any.

    Raises:
        BadInputError: one can't be removed.
    """
    for path in (outbox / f"{run_id}.eml", *outbox.glob(f"{escape(run_id)}+*.eml")):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise BadInputError(
                f"{path}: the alert can't be removed ({error.strerror or error}); make {outbox} writable and try again."
            ) from error


def _address(text: str) -> Address:
    """The address that a text spells; one that could forge a header is refused."""
    name, bracket, spec = text.rpartition("<")
    spec = spec.removesuffix(">").strip() if bracket else text.strip()
    try:
        address = Address(display_name=name.strip().strip('"'), addr_spec=spec)
    except (ValueError, IndexError, HeaderParseError) as error:
        raise BadInputError(_no_address(text, str(error))) from error
    if not address.domain or not address.username or any(unicodedata.category(c) == "Cc" for c in text):
        raise BadInputError(_no_address(text, "no name before or domain after the @, or control characters"))
    return address


def _no_address(text: str, why: str) -> str:
    return f"{text!r} is no e-mail address ({why}); write it as someone@example.org."


def _content(document: ResultsDocument, news: News) -> dict[str, object]:
    rows = table.rows(document)
    new = [RenderedTopic(topic, document) for topic in news.new]
    troubled = {topic.scenario for topic in news.new if topic.kind not in (TopicKind.INVALID, TopicKind.CREEP)}
    return {
        "headline": news_headline(news, document),
        "missed": [topic for topic in new if topic.topic.kind is TopicKind.TARGET],
        "regressions": [topic for topic in new if topic.topic.kind in (TopicKind.REGRESSION, TopicKind.REFERENCE)],
        "creeps": [topic for topic in new if topic.topic.kind is TopicKind.CREEP],
        "invalid": _by_reason(topic for topic in new if topic.topic.kind is TopicKind.INVALID),
        "causes": [
            cause
            for cause in findings_of_kind(document, FindingKind.DIAGNOSIS)
            if cause.result.scenario in troubled and not cause.result.verdict.good
        ],
        "slowest": [slow for slow in exemplars.of_bad(document) if slow.measurement.scenario in troubled],
        "over": lines_of_over([RenderedTopic(topic, document) for topic in news.over]),
        "still_open": lines_of_open(RenderedTopic(topic, document) for topic in news.still_open),
        "notes": [note for note in notes(document) if note.finding.code not in (*_TOLD_ELSEWHERE, *_NEVER_MAILED)],
        "environment": list(environment_changes(document.scenarios)),
        "rows": rows,
        "plain_table": (plain_table := _plain_table(rows)),
        "has_marks": MARK in plain_table,
    }


def _by_reason(topics: Iterable[RenderedTopic]) -> dict[str, list[str]]:
    """The scenarios that are invalid for each reason."""
    by_reason: dict[str, list[str]] = {}
    for topic in topics:
        by_reason.setdefault(topic.reason, []).append(topic.label)
    return by_reason


def _page(content: Mapping[str, object], template: str) -> str:
    return environment().get_template(f"{template}.html").render(content)


def _text(content: Mapping[str, object], template: str) -> str:
    plain_text = environment().overlay(autoescape=False)  # plain text: there is nothing to escape
    text = plain_text.get_template(f"{template}.txt").render(content)
    return "\n".join(wrapped for line in text.splitlines() for wrapped in _wrapped(line)) + "\n"


def _wrapped(line: str) -> list[str]:
    """A line wrapped to the width of a mail; rows of a table, which contain gaps, and commands stay whole."""
    text = line.lstrip()
    if len(line) <= _MAX_LINE_LENGTH or "  " in text:
        return [line]
    indent = line[: len(line) - len(text)]
    lines = textwrap.wrap(
        _COMMAND.sub(lambda found: found[0].replace(" ", _NO_BREAK), text),
        _MAX_LINE_LENGTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_NO_BREAK, " ") for line in lines]


def _plain_table(rows: list[table.TableRow]) -> str:
    """The table in columns, narrow enough for a mail."""
    columns = ("scenario", "verdict", *(metric.name for metric in table.MAIL_METRICS), "change")
    cells = [[table.COLUMNS[column] for column in columns], *([row.cell(column) for column in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if number < 2 else cell.rjust(width)  # noqa: PLR2004 - two columns of text, then numbers
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )
