"""The values that a scenario file may hold: numbers, paths, headers, JSON. What can't be sent is refused here."""

import math
import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field

Positive = Annotated[int, Field(ge=1)]
PositiveRate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0)]
Status = Annotated[int, Field(ge=100, le=599)]
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"([\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
"""RFC 9110, sections 5.1 and 5.5."""


def _pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError("a path must start with `/`; the host comes from the target")
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


def check_header_value(value: str) -> str:
    """The value of a header as it is.

    Raises:
        ValueError: it can't be sent.
    """
    if not _HEADER_VALUE.fullmatch(value):
        raise ValueError(
            f"{value!r} can't be sent in a header: a value is one line of Latin-1 without spaces at its ends"
        )
    return value


def _header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a valid header name")
    return name


Pattern = Annotated[str, AfterValidator(_pattern)]
Path = Annotated[str, AfterValidator(_absolute)]
Json = Annotated[Any, AfterValidator(_json_value)]
Headers = dict[Annotated[str, AfterValidator(_header_name)], Annotated[str, AfterValidator(check_header_value)]]
Parameter = str | int | float
