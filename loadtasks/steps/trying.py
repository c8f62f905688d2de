"""A test message to everybody who gets the news: whether mail server, recipients and other channels are right."""

from collections.abc import Iterator
from dataclasses import dataclass

from loadtasks.redaction.redactor import Redactor
from loadtasks.report import mail
from loadtasks.report.mail_links import MailLinks
from loadtasks.report.news_headline import MailWord, NewsHeadline
from loadtasks.steps.alerting import envelope_of
from loadtasks.steps.mail_server import SendingError, configured_mail_server, sending_error
from loadtasks.steps.notifying import configured_channels
from loadtasks.steps.run_context import RunContext

_SENTENCE = "this is how news of performance runs will arrive"
_DETAIL = "Somebody has asked for it with `python -m loadtasks messages test`: nothing is wrong"


@dataclass(frozen=True)
class TestedChannel:
    """What became of a test message."""

    where: str
    """Where it went, or was to go."""
    problem: str
    """Why it was not sent; empty where it was."""

    __test__ = False  # no test of pytest


def send_test_messages(context: RunContext) -> Iterator[TestedChannel]:
    """Send a test message by mail, where there is a mail server, and to every other channel. Nothing is stored.

    Raises:
        BadInputError: a recipient or the sender is no address.
    """
    composed = mail.compose_notice(
        NewsHeadline(MailWord.TEST, _SENTENCE, _SENTENCE),
        [_DETAIL],
        service=context.settings.service,
        envelope=envelope_of(context),
        links=MailLinks.of_pages(context.workspace),
    )
    server = configured_mail_server(context.settings)
    if server is not None:
        try:
            sent = server(composed.message)
        except SendingError as error:
            yield TestedChannel(", ".join(context.settings.recipients), str(error))
        else:
            yield TestedChannel(sent.where, sent.refused)
    for name, send in configured_channels(context.settings).items():
        try:
            send(composed.in_short)
        except Exception as error:
            yield TestedChannel(name, str(sending_error(error, Redactor(context.secrets), name)))
        else:
            yield TestedChannel(name, "")
