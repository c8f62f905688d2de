"""Why a request, a connection or a WebSocket failed: a code for programs, and a text for people."""

from collections.abc import Callable
from typing import NamedTuple

from loadtasks.measurement.errors import ErrorCode
from loadtasks.redaction.redactor import Redactor

_MAX_TEXT, _MAX_QUOTE = 300, 200
"""Characters of a sample: of what failed and how, and of what the target said."""
_MAX_KEPT = 65_536
"""Characters of either that are kept until secrets are replaced, which is done before anything is cut off."""


class FailureSample(NamedTuple):
    """One failure in words, as the recorder keeps it: secrets and all."""

    text: str
    quote: str = ""

    @classmethod
    def of(cls, text: str, quote: Callable[[], str] | None = None) -> "FailureSample":
        """The sample of a failure."""
        return cls(text[:_MAX_KEPT], quote()[:_MAX_KEPT] if quote is not None else "")

    def shown(self, redactor: Redactor) -> str:
        """The sample as people read it."""
        text, quote = redactor.shortened(self.text, _MAX_TEXT), redactor.shortened(self.quote, _MAX_QUOTE)
        return f"{text}: {quote}" if quote else text


class RequestFailure(NamedTuple):
    """Why something failed."""

    code: ErrorCode
    text: str
    """One occurrence in plain words, without a full stop at the end."""
    quote: Callable[[], str] | None = None
    """Gives what the target said, to be read after the text; called only where the failure becomes the sample."""

    def of(self, subject: str) -> "RequestFailure":
        """The same failure, its text preceded by what failed, as `GET /things`."""
        return self._replace(text=f"{subject}: {self.text}")


class FailureError(Exception):
    """What one connection or one message did is a failure; its text is that of the failure."""

    def __init__(self, code: ErrorCode, text: str, quote: Callable[[], str] | None = None) -> None:
        super().__init__(text)
        self.code = code
        self._quote = quote

    @property
    def failure(self) -> RequestFailure:
        """The failure that an exchange or an opening keeps."""
        return RequestFailure(self.code, str(self), self._quote)
