"""Checks of a response: status, headers, JSON values, a pattern in the body."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from loadtasks.engine.http.json_values import MISSING, equal, is_number, parse_json, shown, value_at
from loadtasks.engine.http.response_body import TooLargeError, decoded_body
from loadtasks.engine.http.response_heads import KnownHeads
from loadtasks.measurement.errors import ErrorCode
from loadtasks.scenarios.model import Checks, JsonCheck
from loadtasks.scenarios.patterns import BodyPattern

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": is_number,
    "integer": lambda value: is_number(value) and (isinstance(value, int) or value.is_integer() or math.isinf(value)),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}
"""What the types of JSON Schema mean: 1.0 is an integer, true is no number."""
_ALWAYS_KEPT = frozenset(
    {
        b"connection",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"retry-after",
        b"server-timing",
        b"transfer-encoding",
        b"x-request-id",
    }
)
_MAX_EXACT = 2.0**53
_MAX_REMEMBERED = 1024 * 1024
"""Bytes of a body that is remembered as a good one."""


class Problem(NamedTuple):
    """What is wrong with a response, as a clause."""

    text: str
    code: ErrorCode = ErrorCode.CHECK
    quotes_body: bool = False
    """Whether the body says more."""


class Checker:
    """The checks of one request, prepared for many responses."""

    def __init__(self, checks: Checks) -> None:
        status = checks.status
        self._statuses = frozenset(
            range(200, 300) if status is None else [status] if isinstance(status, int) else status
        )
        self._headers = {name.lower(): value for name, value in checks.headers.items()}
        self._json = checks.json_values
        self._pattern = BodyPattern.compiled(checks.body_matches) if checks.body_matches else None
        self.reads_body = checks.reads_body
        self.kept_headers = _ALWAYS_KEPT | {name.lower().encode() for name in checks.headers}
        """The only headers of a response that are kept, in lower case: most have a dozen that nobody reads."""
        self.heads = KnownHeads()
        """The heads that its responses had, as far as they pass the status check."""
        self._last_good: bytes | None = None

    def status_problem(self, status: int) -> str | None:
        """What is wrong with the status, as a clause; None when it is as expected."""
        if status in self._statuses:
            return None
        expected = "2xx" if len(self._statuses) == 100 else " or ".join(map(str, sorted(self._statuses)))  # noqa: PLR2004
        return f"responded {status}, expected {expected}"

    def problem(self, headers: dict[str, str], body: bytes) -> Problem | None:
        """What is wrong with the headers or the body; None when every check passes."""
        for name, expected in self._headers.items():
            if headers.get(name) != expected:
                return Problem(f"header {name} is {headers.get(name)!r}, expected {expected!r}")
        # The same bytes pass again without being parsed again, which keeps the generator's own work off the clock.
        if not self.reads_body or body == self._last_good:
            return None
        problem = self._body_problem(body, headers.get("content-encoding", ""))
        if problem is None and len(body) <= _MAX_REMEMBERED:
            self._last_good = body
        return problem

    def _body_problem(self, raw: bytes, encoding: str) -> Problem | None:
        try:
            body = decoded_body(raw, encoding)
        except TooLargeError as error:
            return Problem(str(error), ErrorCode.TOO_LARGE)
        except ValueError as error:
            return Problem(str(error))
        if self._pattern is not None and not self._pattern.is_in(body):
            return Problem(f"nothing in the body matches {self._pattern.text!r}", quotes_body=True)
        if not self._json:
            return None
        try:
            document = parse_json(body)
        except ValueError as error:
            return Problem(f"the body is {error}", quotes_body=True)
        return self._json_problem(document)

    def _json_problem(self, document: Any) -> Problem | None:
        try:
            for path, check in self._json.items():
                wrong = _value_problem(value_at(document, path), check)
                if wrong:
                    return Problem(f"{path} {wrong}")
        except RecursionError:
            return Problem("the body is JSON that is nested too deeply to be checked")
        return None


def _value_problem(value: Any, check: JsonCheck) -> str | None:
    if value is MISSING:
        return "is not in the body"
    if "equals" in check.model_fields_set and not equal(value, check.equals):
        return f"is {shown(value)}, expected {shown(check.equals)}"
    if check.type and not _TYPES[check.type](value):
        return f"is {shown(value)}, expected a JSON {check.type}"
    if check.length is not None and not (isinstance(value, list | dict | str) and len(value) == check.length):
        return f"has {len(value) if isinstance(value, list | dict | str) else 'no'} elements, expected {check.length}"
    return _range_problem(value, check)


def _range_problem(value: Any, check: JsonCheck) -> str | None:
    """What is wrong with a number; JSON Schema's bounds say nothing of other types, here they ask for a number."""
    if check.minimum is None and check.maximum is None:
        return None
    if not is_number(value):
        return f"is {shown(value)}, expected a number"
    if check.minimum is not None and value < check.minimum:
        return f"is {shown(value)}, expected at least {_bound(check.minimum)}"
    if check.maximum is not None and value > check.maximum:
        return f"is {shown(value)}, expected at most {_bound(check.maximum)}"
    return None


def _bound(value: float) -> str:
    """A bound as people write it: 20, not 20.0."""
    return shown(int(value) if isinstance(value, float) and abs(value) < _MAX_EXACT and value.is_integer() else value)
