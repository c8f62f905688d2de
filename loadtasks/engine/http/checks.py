"""Checks of a response: status, headers, JSON values, a pattern in the body."""

import json
import re
from typing import Any, NamedTuple

from loadtasks.engine.http.response_body import decoded_body
from loadtasks.engine.http.response_heads import KnownHeads
from loadtasks.scenarios.model import Checks, JsonCheck

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
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
MISSING = object()
"""What `value_at` returns where there is no value, since None is one."""


def value_at(document: Any, path: str) -> Any:
    """The value at a dotted path (`items.0.id`), or MISSING."""
    for step in path.split("."):
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        else:
            return MISSING
    return document


def contains(document: Any, expected: Any) -> bool:
    """Whether a JSON document has every expected value; its objects may have more keys."""
    if isinstance(expected, dict):
        return isinstance(document, dict) and all(
            key in document and contains(document[key], value) for key, value in expected.items()
        )
    return bool(document == expected) and isinstance(document, bool) == isinstance(expected, bool)


class Problem(NamedTuple):
    """What is wrong with a response, as a clause."""

    text: str
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
        self._pattern = re.compile(checks.body_matches.encode()) if checks.body_matches else None
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
        if problem is None:
            self._last_good = body
        return problem

    def _body_problem(self, raw: bytes, encoding: str) -> Problem | None:
        try:
            body = decoded_body(raw, encoding)
        except ValueError as error:
            return Problem(str(error))
        if self._pattern and not self._pattern.search(body):
            return Problem(f"nothing in the body matches {self._pattern.pattern.decode()!r}", quotes_body=True)
        if not self._json:
            return None
        try:
            document = json.loads(body)
        except ValueError:
            return Problem("the body is not JSON", quotes_body=True)
        for path, check in self._json.items():
            wrong = _json_problem(value_at(document, path), check)
            if wrong:
                return Problem(f"{path} {wrong}")
        return None


def _json_problem(value: Any, check: JsonCheck) -> str | None:
    if value is MISSING:
        return "is not in the body"
    if "equals" in check.model_fields_set and value != check.equals:
        return f"is {value!r}, expected {check.equals!r}"
    if check.type and not _is(value, check.type):
        return f"is {value!r}, expected a JSON {check.type}"
    if check.length is not None and not (isinstance(value, list | dict | str) and len(value) == check.length):
        return f"has {len(value) if isinstance(value, list | dict | str) else 'no'} elements, expected {check.length}"
    return _range_problem(value, check)


def _range_problem(value: Any, check: JsonCheck) -> str | None:
    if check.minimum is None and check.maximum is None:
        return None
    if not _is(value, "number"):
        return f"is {value!r}, expected a number"
    if check.minimum is not None and value < check.minimum:
        return f"is {value}, expected at least {check.minimum:g}"
    if check.maximum is not None and value > check.maximum:
        return f"is {value}, expected at most {check.maximum:g}"
    return None


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool) and name == "number":
        return False
    return isinstance(value, _TYPES[name])
