"""The values that a scenario file may hold: numbers, paths, headers, JSON. What can't be sent is refused here."""

import math
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from loadtasks.request_path import check_path
from loadtasks.scenarios.patterns import BodyPattern
from loadtasks.scenarios.template import without_placeholders

MAX_AT_ONCE = 100_000
"""Workers, connections or listeners of a load: each has a socket, and a target's address has 64,512 ports at most."""
MAX_REQUESTS = 1_000_000_000
"""Requests, events or deliveries of a load. Databases count them in 32 bits."""
MAX_RATE = 1e9
"""Requests a second: no two are due within the same nanosecond. A generator's process sends some ten thousand."""
MAX_SECONDS = 7 * 86_400.0
"""A week: of a load, and of each time in it."""
MIN_SECONDS = 1e-6
"""A microsecond, the resolution of all times."""
MAX_WARMUP = 1_000_000
MAX_PATH = MAX_HEADER = 65_536
"""Characters; servers take some 8,000."""
Count = Annotated[int, Field(ge=1, le=MAX_REQUESTS)]
AtOnce = Annotated[int, Field(ge=1, le=MAX_AT_ONCE)]
AtOnceOrNone = Annotated[int, Field(ge=0, le=MAX_AT_ONCE)]
Rate = Annotated[float, Field(gt=0, le=MAX_RATE, allow_inf_nan=False)]
RateOrNone = Annotated[float, Field(ge=0, le=MAX_RATE, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=MIN_SECONDS, le=MAX_SECONDS, allow_inf_nan=False)]
SecondsOrNone = Annotated[float, Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)]
Warmup = Annotated[int, Field(ge=0, le=MAX_WARMUP)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Status = Annotated[int, Field(ge=100, le=599)]
_MAX_EXACT = 2**53
"""Up to here a float holds every integer."""
_MAX_SHOWN = 100
_MAX_JSON_PATH = 1000
_FRAMING = frozenset({"content-length", "transfer-encoding"})
"""Headers that say where a request ends: a wrong one makes the target wait, or take the next request for its body."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_SECRET_NAME = re.compile(
    r"token|secret|passw|passphrase|passcode|pwd|credential|cookie|signature|auth(?!or(?!i))"
    r"|(api|access|account|private|shared|signing|subscription|functions?|license)[-_. ]?key|^(key|sig|pin|otp)$",
    re.IGNORECASE,
)
"""`author` is none of them, `authorization` is."""
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"([\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
"""RFC 9110, sections 5.1 and 5.5."""


def _pattern(pattern: str) -> str:
    BodyPattern.compiled(pattern)
    return pattern


def _sendable(path: str) -> str:
    check_path(without_placeholders(path))
    return path


def _json_value(value: Any) -> Any:
    """Refuse the values that YAML has and JSON lacks, such as dates."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError(f"the key {shortened(str(key))!r} is not text; put it in quotes")  # noqa: TRY004 - pydantic's
            _json_value(item)
    elif isinstance(value, list):
        for item in value:
            _json_value(item)
    elif not (value is None or isinstance(value, str | int | float)) or (
        isinstance(value, float) and not math.isfinite(value)
    ):
        raise ValueError(f"{shortened(str(value))} is not a JSON value; put it in quotes")
    return value


def _bound(value: Any) -> Any:
    """A bound of a JSON number; as a float where that holds it exactly."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a bound is a number")  # noqa: TRY004 - pydantic's
    if isinstance(value, int) and abs(value) > _MAX_EXACT:
        return value
    return float(value)


def shortened(text: str) -> str:
    """A text as far as people need it to recognise it: a wrong value may have megabytes."""
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def is_secret_name(name: str) -> bool:
    """Whether the name of a header, a query parameter or a JSON key says that its value is a secret."""
    return _SECRET_NAME.search(name) is not None


def check_header_value(value: str) -> str:
    """The value of a header as it is.

    Raises:
        ValueError: it can't be sent.
    """
    if not _HEADER_VALUE.fullmatch(value):
        raise ValueError("can't be sent in a header: a value is one line of Latin-1 without spaces at its ends")
    return value


def check_name(name: str) -> None:
    """See that a name that people give can be written everywhere: in a command, in a table, in an address.

    Raises:
        ValueError: it can't.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"the name {shortened(name)!r} is not possible; use up to 100 of A-Z, a-z, 0-9, _ and -")


def _header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"{shortened(name)!r} is not a valid header name")
    return name


def _given_once(headers: dict[str, str]) -> dict[str, str]:
    seen: set[str] = set()
    for name in headers:
        if name.lower() in seen:
            raise ValueError(f"the header {name} is given twice; capitals make no difference")
        if name.lower() in _FRAMING:
            raise ValueError(f"the header {name} follows from the body that is sent; leave it out")
        seen.add(name.lower())
    return headers


def _json_path(path: str) -> str:
    """A dotted path into a JSON value."""
    if not path or len(path) > _MAX_JSON_PATH or not all(path.split(".")):
        raise ValueError(
            f"the path {shortened(path)!r} is not possible: it has up to {_MAX_JSON_PATH:,} characters, and a name or "
            "a position (0, 1, 2 ...) before and after each dot"
        )
    return path


JsonPath = Annotated[str, AfterValidator(_json_path)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Path = Annotated[str, Field(max_length=MAX_PATH), AfterValidator(_sendable)]
Bound = Annotated[int | float, BeforeValidator(_bound)]
Json = Annotated[Any, AfterValidator(_json_value)]
Headers = Annotated[
    dict[
        Annotated[str, AfterValidator(_header_name)],
        Annotated[str, Field(max_length=MAX_HEADER), AfterValidator(check_header_value)],
    ],
    AfterValidator(_given_once),
]
Parameter = str | int | float
