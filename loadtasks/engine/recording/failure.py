"""Why a request, a connection or a WebSocket failed: a code for programs, and a text for people."""

from typing import NamedTuple

from loadtasks.measurement.errors import ErrorCode


class RequestFailure(NamedTuple):
    """Why something failed."""

    code: ErrorCode
    text: str
    """One occurrence in plain words, without a full stop at the end."""

    def of(self, subject: str) -> "RequestFailure":
        """The same failure, its text preceded by what failed, as `GET /things`."""
        return self._replace(text=f"{subject}: {self.text}")


class FailureError(Exception):
    """What one connection or one message did is a failure; its text is that of the failure."""

    def __init__(self, code: ErrorCode, text: str) -> None:
        super().__init__(text)
        self.code = code

    @property
    def failure(self) -> RequestFailure:
        """The failure that an exchange or an opening keeps."""
        return RequestFailure(self.code, str(self))
