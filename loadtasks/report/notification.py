"""A mail in short, for chats, pagers and webhooks: the headline is the title, and a few lines of plain text follow."""

from collections.abc import Iterator, Mapping
from email.message import EmailMessage
from typing import Any

from loadtasks.plain_text import plain
from loadtasks.report.mail_links import MailLinks
from loadtasks.report.news_headline import MailWord, NewsHeadline
from loadtasks.report.text import sentence
from loadtasks.report.verdicts import tally

MAX_LENGTH = 1_500
"""Characters of the text: what every service takes, most of them several times over."""
_MAX_LINE = 400
_MAX_CAUSES, _MAX_OPEN, _MAX_HAPPENED = 2, 3, 5
TYPE_HEADER = "X-Notify-Type"
"""The header that says what kind of message it is, in Apprise's words: `failure`, `success` or `info`."""
_NO_FAILURE = (MailWord.RECOVERED, MailWord.ACCEPTED, MailWord.DIGEST, MailWord.TEST)
_APART = "\N{ZERO WIDTH SPACE}"


def in_short(subject: str, headline: NewsHeadline, content: Mapping[str, Any]) -> EmailMessage:
    """The same as a mail of a few lines: the reason, causes, what is over and open, and links.

    Args:
        subject: Of the mail.
        headline: Of the mail.
        content: What the mail's templates are rendered with.
    """
    message = EmailMessage()
    message["Subject"] = subject
    message[TYPE_HEADER] = _type_of(headline, content)
    lines = [*_said(headline, content)]
    links = [*_links(content)]
    room = MAX_LENGTH - sum(len(line) + 1 for line in links) - 1
    message.set_content("\n".join((*_fitting(lines, room), *links)), cte="quoted-printable")
    return message


def _type_of(headline: NewsHeadline, content: Mapping[str, Any]) -> str:
    """What a service makes of it: a colour, or whether an incident begins or ends, which it does where all is well."""
    if headline.word not in _NO_FAILURE:
        return "failure"
    return "info" if content.get("still_open") else "success"


def _said(headline: NewsHeadline, content: Mapping[str, Any]) -> Iterator[str]:
    if headline.sentence != headline.subject or not content.get("document"):
        yield sentence(headline.sentence)
    if document := content.get("document"):
        yield f"This run: {tally(document)}."
    yield from (sentence(detail) for detail in content.get("details", ()))
    if refusal := content.get("refusal"):
        yield sentence(refusal.reason)
    causes = [cause for section in content.get("sections", ()) for item in section.items for cause in item.causes]
    yield from (f"{cause.title}: {sentence(cause.sentence)}" for cause in causes[:_MAX_CAUSES])
    over = content.get("over", ())
    yield from (sentence(line) for line in over[1:])  # the headline is the first one, or what is new
    week = content.get("week")
    yield from (sentence(line) for line in (week.lines[-_MAX_HAPPENED:] if week is not None else ()))
    still_open = content.get("still_open", ())
    yield from (f"Still open: {sentence(line.text)}" for line in still_open[:_MAX_OPEN])
    if len(still_open) > _MAX_OPEN:
        yield f"And {len(still_open) - _MAX_OPEN} more open."


def _links(content: Mapping[str, Any]) -> Iterator[str]:
    links = content.get("links")
    if not isinstance(links, MailLinks):
        return
    items = [item for section in content.get("sections", ()) for item in section.items if item.link]
    if links.run:
        yield f"Open in Airflow: {links.run}"
    elif links.pages:
        yield f"Open in Airflow: {links.pages}/"
    elif links.report_link:
        yield f"Report: {links.report_link}"
    if items:
        yield f"Acknowledge or accept: {items[0].link}"


def _fitting(lines: list[str], room: int) -> Iterator[str]:
    """The lines that fit, each cut to a length."""
    for line in lines:
        shown = calling_nobody(plain(line))
        shown = shown if len(shown) <= _MAX_LINE else f"{shown[: _MAX_LINE - 1].rstrip()}…"
        room -= len(shown) + 1
        if room < 0:
            return
        yield shown


def calling_nobody(text: str) -> str:
    """A text in which no service sees that people or groups are called: `@here`, `<!channel>`."""
    return text.replace("@", f"@{_APART}").replace("<!", f"<{_APART}!")
