"""The alert of a run as an e-mail: what is new in the subject, everything needed to judge it in the body."""

import hashlib
import re
import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.utils import format_datetime, make_msgid
from glob import escape
from pathlib import Path

from loadtasks.errors import BadInputError
from loadtasks.plain_text import plain
from loadtasks.report.ascii_text import in_ascii, slug
from loadtasks.report.mail_content import refusal_content, run_content
from loadtasks.report.mail_links import NO_LINKS, MailLinks
from loadtasks.report.news_headline import MailWord, NewsHeadline, news_headline
from loadtasks.report.notification import in_short
from loadtasks.report.template_environment import environment, plain_text_environment
from loadtasks.report.trend import Trend
from loadtasks.report.week import Week
from loadtasks.results.document import ResultsDocument
from loadtasks.results.message import MAIL_POLICY, Message
from loadtasks.results.news import News
from loadtasks.whole_file import write_whole

_MAX_SUBJECT_LENGTH = 160
_MAX_SERVICE_LENGTH = 60
_MAX_LINE_LENGTH = 78
_MAX_LIST_LABEL = 63
"""Characters of a label of a domain name (RFC 1035), which a List-Id is made like."""
_COMMAND = re.compile("`[^`]+`")
_NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Envelope:
    """From whom a mail is, and to whom: addresses as `someone@example.org` or `Some One <someone@example.org>`."""

    sender: str
    recipients: Sequence[str]


@dataclass(frozen=True)
class MailMaterial:
    """What a mail has besides the news of a run."""

    links: MailLinks = NO_LINKS
    given_up: Sequence[Message] = ()
    """Earlier messages that could not be delivered and that no mail has mentioned."""
    thread: str | None = None
    """The Message-ID of the mail that it belongs to; None where it begins a thread."""
    trends: Sequence[Trend] = ()
    """Of what the mail is about."""
    week: Week | None = None
    """What the digest says; None in a mail that is none."""


@dataclass(frozen=True)
class ComposedMail:
    """A mail, and the same for chats and pagers."""

    message: EmailMessage
    in_short: EmailMessage
    """Subject and plain text alone."""


def compose(
    document: ResultsDocument, news: News, *, envelope: Envelope, material: MailMaterial | None = None
) -> ComposedMail:
    """The alert of a run, as plain text and as HTML: what is new first, what is known in one line each.

    Args:
        document: the run, whole.
        news: what is new in it, over, or still open.
        envelope: from whom, and to whom.
        material: links, pictures, and what else there is to say.

    Raises:
        BadInputError: no recipient, or an address that is not one.
    """
    material = material or MailMaterial()
    has_news = bool(news.new or news.over)
    if material.week is not None and not has_news:
        sentence = material.week.sentence
        headline = NewsHeadline(MailWord.DIGEST, sentence, sentence)
    else:
        headline = news_headline(news, document)
    message = _message(headline, document.run.service, envelope, material.thread)
    content = run_content(document, news, material.links, material.trends, has_news=has_news)
    content |= {"headline": headline, "given_up": material.given_up, "week": material.week}
    pictures = [trend for trend in material.trends if trend.picture is not None]
    _fill(message, content | {"pictures": {trend.topic.key: _cid(trend) for trend in pictures}}, pictures=pictures)
    return ComposedMail(message, in_short(str(message["Subject"]), headline, content))


def compose_refusal(
    news: News, *, run_id: str, service: str | None, envelope: Envelope, material: MailMaterial | None = None
) -> ComposedMail:
    """The mail about a run that could not be opened, of which there is no report; else as `compose`.

    Raises:
        BadInputError: no recipient, or an address that is not one.
    """
    material, headline = material or MailMaterial(), news_headline(news)
    message = _message(headline, service, envelope, material.thread)
    content = refusal_content(news, material.links) | {"headline": headline, "run_id": run_id, "service": service}
    _fill(message, content | {"given_up": material.given_up})
    return ComposedMail(message, in_short(str(message["Subject"]), headline, content))


def compose_notice(
    headline: NewsHeadline,
    details: Sequence[str],
    *,
    service: str | None,
    envelope: Envelope,
    links: MailLinks = NO_LINKS,
) -> ComposedMail:
    """A mail about a run that is late or never came: one sentence, and what to know and do, a paragraph each.

    Raises:
        BadInputError: no recipient, or an address that is not one.
    """
    message = _message(headline, service, envelope)
    content = {"headline": headline, "details": details, "service": service, "links": links}
    _fill(message, content, "notice")
    return ComposedMail(message, in_short(str(message["Subject"]), headline, content))


def _message(
    headline: NewsHeadline, service: str | None, envelope: Envelope, thread: str | None = None
) -> EmailMessage:
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
    if thread:
        message["In-Reply-To"] = thread
        message["References"] = thread
    message["List-Id"] = list_id(service, origin.domain)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"  # what Exchange reads instead
    return message


def _fill(
    message: EmailMessage, content: Mapping[str, object], template: str = "mail", *, pictures: Sequence[Trend] = ()
) -> None:
    message.set_content(_text(content, template), cte="quoted-printable")
    message.add_alternative(_page(content, template), subtype="html", cte="quoted-printable")
    page = message.get_body(("html",))
    for number, trend in enumerate(pictures, 1):
        if isinstance(page, MIMEPart) and trend.picture is not None:
            name = f"trend-{number}.png"
            page.add_related(trend.picture, "image", "png", cid=f"<{_cid(trend)}>", filename=name, disposition="inline")


def _cid(trend: Trend) -> str:
    """The Content-ID of a picture without its brackets, made of what it shows: it has to differ within a mail only."""
    shown = "\n".join((*map(str, trend.topic.key), trend.metric))
    return f"{hashlib.sha256(shown.encode('utf-8', 'replace')).hexdigest()[:16]}@trend"


def subject_line(headline: NewsHeadline, service: str | None) -> str:
    """`[REGRESSED] shop: dashboard.concurrent p95 +38 % since 21 Nov`, one line of bounded length, in ASCII.

    The word and the service come first, so that subjects sort. A name in another script is left as it is.
    """
    of_service = f" {_cut(in_ascii(plain(service)), _MAX_SERVICE_LENGTH)}:" if service else ""
    return _cut(in_ascii(plain(f"[{headline.word}]{of_service} {headline.subject}")), _MAX_SUBJECT_LENGTH)


def list_id(service: str | None, domain: str) -> str:
    """The List-Id (RFC 2919) of the mails about a service, for filters: `<shop.nightly-performance.example.org>`."""
    label = slug(service or "")[:_MAX_LIST_LABEL].strip("-")
    if service and not label:
        label = hashlib.sha256(service.encode("utf-8", "replace")).hexdigest()[:12]
    where = domain if domain.isascii() else "localhost"
    return f"<{label + '.' if label else ''}nightly-performance.{where}>"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3].rstrip() + "..."


def write_to(outbox: Path, name: str, message: EmailMessage) -> str:
    """Write a mail to `outbox/NAME.eml`, which every mail program opens. Returns the path.

    Raises:
        BadInputError: the outbox can't be written.
    """
    path = outbox / f"{name}.eml"
    try:
        outbox.mkdir(parents=True, exist_ok=True)
        write_whole(path, message.as_bytes(policy=MAIL_POLICY))
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


def _page(content: Mapping[str, object], template: str) -> str:
    return environment().get_template(f"{template}.html").render(content)


def _text(content: Mapping[str, object], template: str) -> str:
    text = plain_text_environment().get_template(f"{template}.txt").render(content)
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
