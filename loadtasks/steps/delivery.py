"""The delivery of messages: each is claimed, sent and settled; one that can't be sent now stays for the next run.

Mails go first. Notifications, the same in short for other channels, follow: neither keeps the other back.

A message is tried up to three times, some seconds apart, and then with each later run of any service in the results
database, oldest first. It is given up at once where the server refuses it for good, else after
`loadtasks.results.message.MAX_ATTEMPTS` attempts or `MAX_AGE`. A server that breaks the connection after the message
was sent and before it has replied may have taken it: the message is sent again, under the same Message-ID.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from loadtasks.errors import BadInputError
from loadtasks.redaction.redactor import Redactor
from loadtasks.report.mail import file_name, write_to
from loadtasks.results.message import MAIL_CHANNELS, Channel, Message
from loadtasks.results.store import Store
from loadtasks.steps.mail_server import Deliver, Receipt, SendingError, sending_error

WAITS_S = (2.0, 8.0)
"""Seconds before the second and the third attempt."""
_SERVER = "the mail server"

log = logging.getLogger(__name__)


class NotSentError(BadInputError):
    """A message could not be sent. It is kept, and sent with the next run unless it was given up."""


@dataclass
class DeliveryOutcome:
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
        if lost := [message for message in self.given_up if message.channel in MAIL_CHANNELS]:
            sentences.append(
                f"{_named(lost)} could not be sent ({lost[-1].last_error}) and "
                f"{'is' if len(lost) == 1 else 'are'} given up: what it reported will be in the mail of the "
                "next run; correct recipients, sender or mail server until then."
            )
        if lost := [message for message in self.given_up if message.channel is Channel.NOTIFICATION]:
            sentences.append(
                f"{_named(lost)} could not be sent ({lost[-1].last_error}) and {'is' if len(lost) == 1 else 'are'} "
                "given up; the mails have what they say."
            )
        if self.pending:
            reasons = [message.last_error for message in reversed(self.pending) if message.last_error]
            reason = "; ".join(dict.fromkeys(reasons[:3]))
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
    notify: Mapping[str, Deliver] = field(default_factory=dict)
    """How notifications are delivered, by the names of their addresses."""

    @property
    def channel(self) -> Channel:
        """How a new mail goes out."""
        return Channel.OUTBOX if self.deliver is None else Channel.MAIL

    def deliver_pending(self, outcome: DeliveryOutcome) -> bool:
        """Deliver the mails that are pending, oldest first. Returns whether the mail server can be used.

        Without a mail server, what was meant for one is left for a process that has one.
        """
        channels = [Channel.OUTBOX] if self.deliver is None else MAIL_CHANNELS
        return self._deliver_in_order(self.store.messages.pending(channels), outcome)

    def deliver_notifications(self, outcome: DeliveryOutcome) -> None:
        """Deliver the notifications that are pending, oldest first; an address that fails holds up its own alone.

        What is meant for an address that this process doesn't have is left for one that has it, for as long as any
        message is tried.
        """
        waiting: dict[str, list[Message]] = {}
        for message in self.store.messages.pending([Channel.NOTIFICATION]):
            waiting.setdefault(message.address_name, []).append(message)
        for name, messages in waiting.items():
            if name in self.notify:
                self._deliver_in_order(messages, outcome)
                continue
            for message in messages:
                if message.is_beyond_hope(datetime.now(UTC)):
                    self.store.messages.give_up(message.id, f"{name}: no address has this name any more")

    def _deliver_in_order(self, waiting: list[Message], outcome: DeliveryOutcome) -> bool:
        while waiting:
            if not self.deliver_one(waiting.pop(0), outcome):
                outcome.pending += waiting
                return False
        return True

    def deliver_one(self, message: Message, outcome: DeliveryOutcome) -> bool:
        """Deliver one message. Returns whether its server or address can be used, and another message be tried."""
        waits_s = (0.0, *self.waits_s)
        for number, wait_s in enumerate(waits_s, 1):
            time.sleep(wait_s)
            claimed = self.store.messages.claim(message.id)
            if claimed is None:
                log.info("The message %r is sent by another process", message.subject)
                return True
            try:
                receipt = self._attempt(claimed)
            except SendingError as error:
                if number < len(waits_s) and error.may_pass and not error.refused:
                    self.store.messages.fail(claimed.id, str(error))
                    continue
                self._put_off(claimed, error, outcome)
                return not error.of_server
            outcome.delivered.append(self.store.messages.deliver(claimed.id, receipt.where, refused=receipt.refused))
            if receipt.refused:
                log.warning("The mail %r was sent, but %s", claimed.subject, receipt.refused)
            return True
        return True

    def _put_off(self, message: Message, error: SendingError, outcome: DeliveryOutcome) -> None:
        """Leave a message for the next run, or give it up."""
        if error.refused or message.is_beyond_hope(datetime.now(UTC)):
            outcome.given_up.append(self.store.messages.give_up(message.id, str(error)))
        else:
            outcome.pending.append(self.store.messages.fail(message.id, str(error)))

    def _attempt(self, message: Message) -> Receipt:
        """Try once to deliver a claimed message.

        Raises:
            SendingError: it was not delivered.
        """
        try:
            if message.channel is Channel.NOTIFICATION:
                return self.notify[message.address_name](message.mail)
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
        mails = [one for one in self.store.messages.of_run(run_id) if one.channel in MAIL_CHANNELS]
        earlier = sum(other.id < message.id for other in mails)
        return write_to(self.outbox, file_name(run_id, earlier + 1), message.mail)


def _named(messages: Sequence[Message]) -> str:
    """Messages by name: `the mail "[FAIL] ..."`, `the message to slack "..."`, `3 mails, the last one "...",`."""
    last = messages[-1]
    if len(messages) == 1:
        return f'the {f"message to {last.address_name}" if last.address_name else "mail"} "{last.subject}"'
    kind = "messages" if any(message.address_name for message in messages) else "mails"
    return f'{len(messages)} {kind}, the last one "{last.subject}",'
