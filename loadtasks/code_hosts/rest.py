"""A REST API with a token, which may be down, slow, hostile or at its limit: every wait and every size is bounded.

A redirect is never followed, since the token would go along. A response is read as strict JSON up to a size. What the
API limits for a few seconds is tried again once it allows that; anything else that fails is an error of one sentence.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from pydantic import SecretStr

from loadtasks import __version__
from loadtasks.input_files import MIB
from loadtasks.plain_text import plain
from loadtasks.redaction.redactor import Redactor
from loadtasks.strict_json import parse

_CONNECT_S, _READ_S = 10.0, 20.0
MAX_RESPONSE_BYTES = 16 * MIB
"""A hundred comments of the largest size, and some."""
_MAX_VALUES = 200_000
MAX_PAGES = 30
PER_PAGE = 100
MAX_ATTEMPTS = 3
MAX_WAIT_S = 30.0
"""The longest that is waited for because an API says so."""
_RETRY_S = 1.0
_MAX_REASON = 200
_TOO_MANY, _FORBIDDEN, _SERVER_ERROR, _REDIRECT = 429, 403, 500, 300
_NOT_REPEATED = "POST"
"""Repeated after a failure of the server it may have been done twice."""


class CodeHostError(Exception):
    """Why something could not be done there: a clause."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status
        """The status of the response; None where there was none."""


@dataclass(frozen=True)
class RestApi:
    """A REST API, and how to log in to it."""

    url: str
    """Its address, without a slash at the end."""
    token: SecretStr
    header: str = "Authorization"
    """The header that the token is sent in."""
    scheme: str = "Bearer "
    """What stands before the token."""
    accept: str = "application/json"
    sleep: Callable[[float], None] = field(default=time.sleep, compare=False)

    def pages(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """The objects of a list, page by page, until a page that isn't full.

        Raises:
            CodeHostError: it can't be read, or has more than `MAX_PAGES` pages.
        """
        for page in range(1, MAX_PAGES + 1):
            items = self.call("GET", path, query | {"per_page": str(PER_PAGE), "page": str(page)})
            if not isinstance(items, list):
                raise CodeHostError("it responded with something else than a list")
            yield from (item for item in items if isinstance(item, dict))
            if len(items) < PER_PAGE:
                return
        raise CodeHostError(f"there are more than {MAX_PAGES * PER_PAGE:,} entries")

    def call(
        self, method: str, path: str, query: Mapping[str, str] | None = None, content: Mapping[str, str] | None = None
    ) -> Any:
        """Send a request. Returns the JSON of its response.

        Raises:
            CodeHostError: no response, one that is no JSON, or one of another status than 2xx.
        """
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                response = self._send(method, path, query, content)
            except CodeHostError as error:
                if method == _NOT_REPEATED or attempt == MAX_ATTEMPTS:
                    raise
                last, wait_s = error, _RETRY_S
            else:
                if response.ok:
                    return response.json()
                redactor = Redactor([self.token.get_secret_value()])
                last = CodeHostError(response.reason(redactor), response.status)
                wait_s = response.wait_s(may_repeat=method != _NOT_REPEATED)
                if wait_s > MAX_WAIT_S:
                    raise CodeHostError(f"{last}; it asks to wait for {wait_s:,.0f} s", response.status)
            if wait_s <= 0 or attempt == MAX_ATTEMPTS:
                raise last
            self.sleep(wait_s)
        raise AssertionError("unreachable")

    def _send(
        self, method: str, path: str, query: Mapping[str, str] | None, content: Mapping[str, str] | None
    ) -> "_Response":
        try:
            with requests.Session() as session:
                response = session.request(
                    method,
                    f"{self.url}{path}",
                    params=query,
                    json=content,
                    auth=self._log_in,  # a .netrc would go before a header
                    headers={
                        "Accept": self.accept,
                        "Accept-Encoding": "identity",
                        "User-Agent": f"loadtasks/{__version__}",
                    },
                    timeout=(_CONNECT_S, _READ_S),
                    allow_redirects=False,
                    stream=True,
                )
                body = response.raw.read(MAX_RESPONSE_BYTES + 1, decode_content=False)
        except (requests.RequestException, OSError, ValueError) as error:
            raise CodeHostError(f"no usable response ({_brief(error)})") from None
        except Exception as error:  # urllib3's own, of a body that breaks off
            raise CodeHostError(f"no usable response ({_brief(error)})") from None
        return _Response(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)

    def _log_in(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers[self.header] = f"{self.scheme}{self.token.get_secret_value()}"
        return request


@dataclass(frozen=True)
class _Response:
    """A response, read as far as it may be."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < _REDIRECT  # noqa: PLR2004 - the 2xx

    def json(self) -> Any:
        """Its body as JSON.

        Raises:
            CodeHostError: it is none, or too much.
        """
        if len(self.body) > MAX_RESPONSE_BYTES:
            raise CodeHostError(f"a response of more than {MAX_RESPONSE_BYTES // MIB} MiB", self.status)
        try:
            return parse(self.body.decode(), max_values=_MAX_VALUES)
        except ValueError as error:
            raise CodeHostError(f"a response that is no JSON ({str(error)[:_MAX_REASON]})", self.status) from None

    def reason(self, redactor: Redactor) -> str:
        """The status, and what the API says of it: a server may quote the request, with its token."""
        if _REDIRECT <= self.status < 400:  # noqa: PLR2004 - the 3xx
            return f"status {self.status}: it redirects elsewhere, which is not followed with a token"
        try:
            said = self.json()
        except CodeHostError:
            said = None
        message = (
            next((said[key] for key in ("message", "error") if said.get(key)), "") if isinstance(said, dict) else ""
        )
        shown = redactor.shortened(plain(str(message)), _MAX_REASON).rstrip(".")
        return f"status {self.status}" + (f": {shown}" if shown else "")

    def wait_s(self, *, may_repeat: bool) -> float:
        """How long to wait before the request is repeated; 0 where it is not to be."""
        limited = self.status == _TOO_MANY or (
            self.status == _FORBIDDEN
            and ("retry-after" in self.headers or self.headers.get("x-ratelimit-remaining") == "0")
        )
        if limited:
            return max(_RETRY_S, self._asked_to_wait_s())
        return _RETRY_S if self.status >= _SERVER_ERROR and may_repeat else 0.0

    def _asked_to_wait_s(self) -> float:
        try:
            if "retry-after" in self.headers:
                return float(self.headers["retry-after"])
            return float(self.headers["x-ratelimit-reset"]) - time.time()
        except (KeyError, ValueError):
            return _RETRY_S


def _brief(error: Exception) -> str:
    """What happened, by the innermost error: the outer ones repeat addresses and objects."""
    reason: BaseException = error
    while reason.__cause__ is not None or reason.__context__ is not None:
        reason = reason.__cause__ or reason.__context__ or reason
    text = plain(getattr(reason, "strerror", None) or str(reason)) or type(reason).__name__
    return text[:_MAX_REASON].rstrip(".")
