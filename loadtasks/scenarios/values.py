"""The values that a scenario file may hold: numbers, paths, headers, JSON. What can't be sent is refused here."""

import math
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from loadtasks.request_path import check_path
from loadtasks.scenarios.patterns import BodyPattern
from loadtasks.scenarios.template import without_placeholders

Positive = Annotated[int, Field(ge=1)]
PositiveRate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0)]
Status = Annotated[int, Field(ge=100, le=599)]
_MAX_EXACT = 2**53
"""Up to here a float holds every integer."""
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
                raise ValueError(f"the key {key!r} is not text; put it in quotes")  # noqa: TRY004 - pydantic's
            _json_value(item)
    elif isinstance(value, list):
        for item in value:
            _json_value(item)
    elif not (value is None or isinstance(value, str | int | float)) or (
        isinstance(value, float) and not math.isfinite(value)
    ):
        raise ValueError(f"{value} is not a JSON value; put it in quotes")
    return value


def _bound(value: Any) -> Any:
    """A bound of a JSON number; as a float where that holds it exactly."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a bound is a number")  # noqa: TRY004 - pydantic's
    if isinstance(value, int) and abs(value) > _MAX_EXACT:
        return value
    return float(value)


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
        raise ValueError(f"the name {name!r} is not possible; use up to 100 of A-Z, a-z, 0-9, _ and -")


def _header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a valid header name")
    return name


Pattern = Annotated[str, AfterValidator(_pattern)]
Path = Annotated[str, AfterValidator(_sendable)]
Bound = Annotated[int | float, BeforeValidator(_bound)]
Json = Annotated[Any, AfterValidator(_json_value)]
Headers = dict[Annotated[str, AfterValidator(_header_name)], Annotated[str, AfterValidator(check_header_value)]]
Parameter = str | int | float
