"""The delivery of messages: each is claimed, sent and settled; one that can't be sent now stays for the next run.

A message is tried up to three times, some seconds apart, and then with each later run of any service in the results
database, oldest first. It is given up at once where the server refuses it for good, else after
`loadtasks.results.message.MAX_ATTEMPTS` attempts or `MAX_AGE`. A server that breaks the connection after the message
was sent and before it has replied may have taken it: the message is sent again, under the same Message-ID.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from loadtasks.errors import BadInputError
from loadtasks.redaction.redactor import Redactor
from loadtasks.report.mail import file_name, write_to
from loadtasks.results.message import Channel, Message
from loadtasks.results.store import Store
from loadtasks.steps.mail_server import Deliver, Receipt, SendingError, sending_error

WAITS_S = (2.0, 8.0)
"""Seconds before the second and the third attempt."""
_SERVER = "the mail server"

log = logging.getLogger(__name__)


class NotSentError(BadInputError):
    """A message could not be sent. It is kept, and sent with the next run unless it was given up."""


@dataclass
class Deliveries:
    """What became of messages."""

    delivered: list[Message] = field(default_factory=list)
    pending: list[Message] = field(default_factory=list)
    """Those that could not be sent now."""
    given_up: list[Message] = field(default_factory=list)

    def raise_failures(self) -> None:
        """Raise what could not be sent, in one sentence, if there is any.

        Raises:
            NotSentError: a message is pending, or was given up.
        """
        sentences = []
        if self.given_up:
            sentences.append(
                f"{_named(self.given_up)} could not be sent ({self.given_up[-1].last_error}) and "
                f"{'is' if len(self.given_up) == 1 else 'are'} given up: what it reported will be in the mail of the "
                "next run; correct recipients, sender or mail server until then."
            )
        if self.pending:
            reason = next((message.last_error for message in reversed(self.pending) if message.last_error), "")
            sentences.append(
                f"{_named(self.pending)} could not be sent{f' ({reason})' if reason else ''}; what is pending is sent "
                "with the next run, or by `python -m loadtasks messages send`."
            )
        if sentences:
            raise NotSentError(" ".join(sentences))


@dataclass(frozen=True)
class Delivery:
    """How messages are delivered."""

    store: Store
    outbox: Path
    deliver: Deliver | None
    """None: messages are written to the outbox as .eml files."""
    waits_s: Sequence[float] = WAITS_S

    @property
    def channel(self) -> Channel:
        """How a new message goes out."""
        return Channel.OUTBOX if self.deliver is None else Channel.MAIL

    def deliver_pending(self, deliveries: Deliveries) -> bool:
        """Deliver what is pending, oldest first. Returns whether the mail server can be used.

        Without a mail server, what was meant for one is left for a process that has one.
        """
        channels = [Channel.OUTBOX] if self.deliver is None else list(Channel)
        waiting = self.store.messages.pending(channels)
        while waiting:
            if not self.deliver_one(waiting.pop(0), deliveries):
                deliveries.pending += waiting
                return False
        return True

    def deliver_one(self, message: Message, deliveries: Deliveries) -> bool:
        """Deliver one message. Returns whether the mail server can be used, and another message be tried."""
        waits_s = (0.0, *self.waits_s)
        for number, wait_s in enumerate(waits_s, 1):
            time.sleep(wait_s)
            claimed = self.store.messages.claim(message.id)
            if claimed is None:
                log.info("The mail %r is sent by another process", message.subject)
                return True
            try:
                receipt = self._attempt(claimed)
            except SendingError as error:
                if number < len(waits_s) and error.may_pass and not error.refused:
                    self.store.messages.fail(claimed.id, str(error))
                    continue
                self._put_off(claimed, error, deliveries)
                return not error.of_server
            deliveries.delivered.append(self.store.messages.deliver(claimed.id, receipt.where, refused=receipt.refused))
            if receipt.refused:
                log.warning("The mail %r was sent, but %s", claimed.subject, receipt.refused)
            return True
        return True

    def _put_off(self, message: Message, error: SendingError, deliveries: Deliveries) -> None:
        """Leave a message for the next run, or give it up."""
        if error.refused or message.is_beyond_hope(datetime.now(UTC)):
            deliveries.given_up.append(self.store.messages.give_up(message.id, str(error)))
        else:
            deliveries.pending.append(self.store.messages.fail(message.id, str(error)))

    def _attempt(self, message: Message) -> Receipt:
        """Try once to deliver a claimed message.

        Raises:
            SendingError: it was not delivered.
        """
        try:
            if self.deliver is None:
                return Receipt(self._write(message))
            return self.deliver(message.mail)
        except BadInputError as error:  # the outbox can't be written
            raise SendingError(str(error), of_server=True, may_pass=False) from error
        except Exception as error:
            raise sending_error(error, Redactor(), _SERVER) from error
        except BaseException:
            self.store.messages.fail(message.id, "the process was stopped")
            raise

    def _write(self, message: Message) -> str:
        """Write a message to the outbox. Returns the path, the same one in every attempt."""
        run_id = message.run_id or message.message_id.strip("<>").partition("@")[0]
        earlier = sum(other.id < message.id for other in self.store.messages.of_run(run_id))
        return write_to(self.outbox, file_name(run_id, earlier + 1), message.mail)


def _named(messages: Sequence[Message]) -> str:
    """Messages by name: `the mail "[FAIL] ..."`, `3 mails, the last one "[FAIL] ...",`."""
    if len(messages) == 1:
        return f'the mail "{messages[0].subject}"'
    return f'{len(messages)} mails, the last one "{messages[-1].subject}",'
