"""A message to people as it is stored: written before it is sent, and sent once.

pending ──sent, or written as an .eml file──► delivered
   │
   └──refused for good, or too often, or too old──► given_up     what it reports counts as unreported again
"""

from datetime import datetime, timedelta
from email import message_from_string
from email.message import EmailMessage
from email.policy import SMTP
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from loadtasks.results.topic import Topic, TopicEvent

MAIL_POLICY = SMTP.clone(max_line_length=250)
"""How mails are written: a subject stays on one line, for programs that read headers line by line (RFC 5322 allows 998
characters)."""
MAX_ATTEMPTS = 30
"""Attempts after which a message is given up: ten runs with three each."""
MAX_AGE = timedelta(days=7)
"""Age at which a message is given up at its next failed attempt. By then the next run's mail says it better."""


class MessageKind(StrEnum):
    """What a message is."""

    ALERT = "alert"
    """The news of a run."""
    REFUSAL = "refusal"
    """That a run could not be opened."""
    LATE = "late"
    """That a run has not ended in time."""
    MISSED = "missed"
    """That no run came when one was due."""
    DIGEST = "digest"
    """What happened in a week, and the news of the run where there are any."""

    @property
    def has_news(self) -> bool:
        """Whether it says what is wrong with a service, rather than with the run itself."""
        return self in (MessageKind.ALERT, MessageKind.REFUSAL, MessageKind.DIGEST)


class MessageState(StrEnum):
    """Where a message stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class Channel(StrEnum):
    """How a message is delivered."""

    MAIL = "e-mail"
    OUTBOX = "outbox"
    """As an .eml file, where no mail server is configured."""
    NOTIFICATION = "notification"
    """The same in short, to an address of `LOADTASKS_NOTIFY_URLS`: a chat, a pager, a webhook."""


MAIL_CHANNELS = (Channel.MAIL, Channel.OUTBOX)
"""Those whose messages count as what people know."""


class Message(BaseModel):
    """One message with what became of it."""

    model_config = ConfigDict(frozen=True)

    id: int = 0
    """In the order in which messages were composed; 0 before it is stored."""
    service: str
    """The service that it is about; empty where it isn't known, as of a run that could not be opened."""
    run_id: str | None
    """The run that it is about, which may be gone since."""
    sequence: int
    """The place of that run in the order of runs; of a run that was never opened, that of the newest one."""
    run_started_at: datetime
    """When that run began, by its clock."""
    kind: MessageKind
    channel: Channel
    message_id: str
    """Its Message-ID, the same in every attempt: a mail server or reader that gets it twice can tell."""
    recipients: list[str]
    """Of a notification the name of its address, as `slack`; never the address, which holds secrets."""
    subject: str
    content: str
    """The whole of it in the format of RFC 5322, ASCII; empty where an older version sent it, or its run is pruned."""
    topics: tuple[Topic, ...] = ()
    """What it reports."""
    state: MessageState = MessageState.PENDING
    attempts: int = 0
    next_attempt_at: datetime | None = None
    """While a process sends it: when that process is taken for dead. None once it is settled."""
    created_at: datetime
    delivered_at: datetime | None = None
    given_up_at: datetime | None = None
    where: str = ""
    """Where it went: recipients and mail server, or the path of the .eml file."""
    last_error: str = ""
    """Why the last attempt failed, or who was refused of several recipients; without secrets."""

    @property
    def mail(self) -> EmailMessage:
        """The message as it is sent."""
        parsed = message_from_string(self.content, policy=MAIL_POLICY)
        if not isinstance(parsed, EmailMessage):
            raise TypeError(f"message {self.id} is no e-mail")
        return parsed

    @property
    def address_name(self) -> str:
        """The name of the address that a notification goes to; empty of mails."""
        return self.recipients[0] if self.channel is Channel.NOTIFICATION and self.recipients else ""

    def is_beyond_hope(self, now: datetime) -> bool:
        """Whether no further attempt is made after a failed one."""
        return self.attempts >= MAX_ATTEMPTS or now - self.created_at >= MAX_AGE


class ReportedMessage(BaseModel):
    """What a message that was delivered, or still will be, tells of a run."""

    model_config = ConfigDict(frozen=True)

    id: int
    run_id: str | None
    sequence: int
    run_started_at: datetime
    kind: MessageKind = MessageKind.ALERT
    message_id: str = ""
    topics: tuple[Topic, ...]

    @property
    def names_something_open(self) -> bool:
        """Whether it mentions anything that is wrong and not over."""
        return any(topic.event is not TopicEvent.ENDED for topic in self.topics)
