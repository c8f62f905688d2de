"""The alert of a run as an e-mail: verdict and reason in the subject, everything needed to judge it in the body."""

import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path
from urllib.parse import urlsplit

from loadtasks.errors import BadInputError
from loadtasks.plain_text import plain
from loadtasks.report import exemplars, table
from loadtasks.report.findings import findings_of_kind, invalid_reasons, notes
from loadtasks.report.headline import headline
from loadtasks.report.template_environment import environment
from loadtasks.report.verdicts import WORD
from loadtasks.results.document import ResultsDocument
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.judgement import Verdict

Deliver = Callable[[EmailMessage], str]
"""Sends a message and returns where it went, for people to read."""
_MAX_SUBJECT_LENGTH = 160
_MAX_SERVICE_LENGTH = 60
_MAX_LINE_LENGTH = 78


def compose(
    document: ResultsDocument, *, sender: str, recipients: Sequence[str], report_url: str | None
) -> EmailMessage:
    """The alert of a run, as plain text and as HTML.

    Args:
        document: the run, whole.
        sender: one address, `someone@example.org` or `Some One <someone@example.org>`.
        recipients: addresses in the same form.
        report_url: URL or path of the report; None where there is none.

    Raises:
        BadInputError: no recipient, or an address that is not one.
    """
    if not recipients:
        raise BadInputError("the alert has no recipient; name at least one address to send it to.")
    origin = _address(sender)
    message = EmailMessage()
    message["Subject"] = subject(document)
    message["From"] = origin
    message["To"] = [_address(recipient) for recipient in recipients]
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid("nightly-performance", domain=origin.domain)
    message["Auto-Submitted"] = "auto-generated"
    link = report_url if report_url and urlsplit(report_url).scheme in ("http", "https") else None
    content = {"document": document, "run": document.run, "report": report_url, "link": link} | _content(document)
    message.set_content(_text(content), cte="quoted-printable")
    message.add_alternative(_page(content), subtype="html", cte="quoted-printable")
    return message


def subject(document: ResultsDocument) -> str:
    """`[FAIL] nightly performance of shop: orders.list: p95 3.02 s, target < 2.00 s`, one line of bounded length."""
    return subject_line(document.verdict, document.run.service, headline(document))


def subject_line(verdict: Verdict, service: str | None, text: str) -> str:
    """The subject of every alert: verdict, service, then a text that is cut where it is too long for one line."""
    of_service = f" of {_cut(plain(service), _MAX_SERVICE_LENGTH)}" if service else ""
    return _cut(plain(f"[{WORD[verdict]}] nightly performance{of_service}: {text}"), _MAX_SUBJECT_LENGTH)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def write_to(outbox: Path, run_id: str, message: EmailMessage) -> str:
    """Write a mail to `outbox/RUN.eml`, which every mail program opens. Returns the path.

    Raises:
        BadInputError: the outbox can't be written.
    """
    path = outbox / f"{run_id}.eml"
    unfinished = path.with_suffix(".partial")
    try:
        outbox.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(message.as_bytes(policy=SMTP))
        unfinished.replace(path)
    except OSError as error:
        raise BadInputError(
            f"{path}: the alert can't be written ({error.strerror or error}); make room or make {outbox} writable."
        ) from error
    return str(path)


def remove_from(outbox: Path, run_id: str) -> None:
    """Remove the mail of a run, if there is one.

    Raises:
        BadInputError: it can't be removed.
    """
    path = outbox / f"{run_id}.eml"
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise BadInputError(
            f"{path}: the alert can't be removed ({error.strerror or error}); make {outbox} writable and try again."
        ) from error


def send(message: EmailMessage, outbox: Path, run_id: str, deliver: Deliver | None) -> str:
    """Deliver a mail; without `deliver`, or where that fails, write it to the outbox. Returns where it went.

    Raises:
        BadInputError: the mail could not be sent and is in the outbox, or the outbox can't be written.
    """
    if deliver is None:
        return write_to(outbox, run_id, message)
    try:
        return deliver(message)
    except Exception as error:  # whatever the mail server, its library or the network raises
        path = write_to(outbox, run_id, message)
        raise BadInputError(f"the alert could not be sent ({error}); it is kept in {path}.") from error


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


def _content(document: ResultsDocument) -> dict[str, object]:
    rows = table.rows(document)
    return {
        "missed": findings_of_kind(document, FindingKind.TARGET),
        "regressions": findings_of_kind(document, FindingKind.REGRESSION),
        "causes": findings_of_kind(document, FindingKind.DIAGNOSIS),
        "slowest": exemplars.of_bad(document),
        "notes": notes(document),
        "invalid": invalid_reasons(document),
        "rows": rows,
        "plain_table": _plain_table(rows),
        "has_marks": table.has_marks(rows),
    }


def _page(content: dict[str, object]) -> str:
    return environment().get_template("mail.html").render(content)


def _text(content: dict[str, object]) -> str:
    plain_text = environment().overlay(autoescape=False)  # plain text: there is nothing to escape
    text = plain_text.get_template("mail.txt").render(content)
    return "\n".join(wrapped for line in text.splitlines() for wrapped in _wrapped(line)) + "\n"


def _wrapped(line: str) -> list[str]:
    """A line wrapped to the width of a mail; rows of a table, which contain gaps, stay whole."""
    text = line.lstrip()
    if len(line) <= _MAX_LINE_LENGTH or "  " in text:
        return [line]
    indent = line[: len(line) - len(text)]
    return textwrap.wrap(
        text,
        _MAX_LINE_LENGTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


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
