"""Sending a message in short to chats, pagers and webhooks through Apprise, an address of `LOADTASKS_NOTIFY_URLS` each.

An address is a secret. It is known by a name, its scheme (`slack`, and `slack 2` for a second one), which is what is
stored with a message, shown and logged. So a token that is replaced takes the pending messages along.
"""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from email.message import EmailMessage

from loadtasks.redaction.redactor import Redactor
from loadtasks.report.notification import TYPE_HEADER, calling_nobody
from loadtasks.settings import Settings, variable
from loadtasks.steps.mail_server import Deliver, Receipt, SendingError

DEADLINE_S = 30.0
"""How long one attempt may take. Apprise itself waits 4 s for a connection, and 4 s for each piece of a response."""
_MAX_REASON_LENGTH = 300


def configured_channels(settings: Settings) -> dict[str, Deliver]:
    """How to send to each address of `LOADTASKS_NOTIFY_URLS`, by its name."""
    redact = Redactor(settings.notify_secrets)
    urls = [url.get_secret_value() for url in settings.notify_urls]
    return {name: NotifyAddress(name, url, redact).send for name, url in zip(_names(urls), urls, strict=True)}


def _names(urls: Sequence[str]) -> Iterator[str]:
    seen: Counter[str] = Counter()
    for url in urls:
        scheme = url.partition("://")[0].lower()
        seen[scheme] += 1
        yield scheme if seen[scheme] == 1 else f"{scheme} {seen[scheme]}"


@dataclass(frozen=True)
class NotifyAddress:
    """Where a message goes in short."""

    name: str
    url: str = field(repr=False)
    redact: Redactor = field(repr=False)

    def send(self, message: EmailMessage) -> Receipt:
        """Send the subject and the text of a message.

        Raises:
            SendingError: it could not be sent.
        """
        outcome: Future[str | None] = Future()

        def run() -> None:
            try:
                outcome.set_result(self._problem(message))
            except BaseException as error:
                outcome.set_exception(error)

        threading.Thread(target=run, daemon=True).start()  # a response that drips has no end of its own
        try:
            problem = outcome.result(DEADLINE_S)
        except FutureTimeoutError:
            problem = f"it was not done within {DEADLINE_S:g} s"
        except SendingError:
            raise
        except Exception as error:  # a plugin of Apprise, each of which is other people's code
            problem = f"{type(error).__name__}: {error}"
        if problem is not None:
            reason = self.redact.shortened(f"{self.name}: {problem}", _MAX_REASON_LENGTH)
            raise SendingError(reason, of_server=True)
        return Receipt(self.name)

    def _problem(self, message: EmailMessage) -> str | None:
        """Send it. Returns why that failed; None where it didn't.

        Raises:
            SendingError: no address of Apprise.
        """
        import apprise  # noqa: PLC0415 - takes a quarter of a second, and most runs send nothing

        # Nothing of a message means anything to a service: it is plain text, and neither escapes nor emoji.
        asset = apprise.AppriseAsset(
            secure_logging=True, app_id="nightly-performance", app_desc="Nightly performance", interpret_escapes=False
        )
        sender = apprise.Apprise(asset=asset)
        if not sender.add(self.url):
            raise SendingError(
                f"{self.name}: its address in {variable('notify_urls')} is none that Apprise knows; "
                "https://appriseit.com/services/ says how it is written",
                of_server=True,
                may_pass=False,
            )
        body = message.get_body(("plain",))
        result = sender.notify(
            body=str(body.get_content()).strip() if body is not None else "",
            title=calling_nobody(str(message["Subject"])),
            notify_type=str(message[TYPE_HEADER]),
            body_format=apprise.NotifyFormat.TEXT,
            timeout=DEADLINE_S,
        )
        if result:
            return None
        said = [str(entry.message).strip() for entry in result.logs()]
        return said[-1] if said else "it did not take the message"
