"""What columns hold, checked when it is read and made storable when it is written.

SQLite keeps any value in any column, and people edit databases. So every value that is read is of its column's type, or
`OddValueError` says what stands there instead. What is written may come from a target: PostgreSQL takes no NUL
characters, no database takes lone surrogates, and JSON knows no nan or inf. They are replaced here, whatever they are
part of.
"""

import math
import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Double, Integer, String
from sqlalchemy.types import TypeDecorator

from loadtasks.results.plausible import check_moment

_HALF_A_PAIR = re.compile("[\ud800-\udfff]")
_NUL = "\N{SYMBOL FOR NULL}"
_MAX_SHOWN = 40


class OddValueError(ValueError):
    """A column holds something that this version never writes there."""


def storable(value: Any) -> Any:
    """A text, or data made of texts, as every database takes it.

    NUL becomes its symbol, a lone surrogate the replacement character, and a number that JSON doesn't know None.
    """
    if isinstance(value, str):
        if value.isascii() and "\0" not in value:
            return value
        return _HALF_A_PAIR.sub("\N{REPLACEMENT CHARACTER}", value.replace("\0", _NUL))
    if isinstance(value, dict):
        return {storable(name): storable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _odd(expected: str, value: object) -> OddValueError:
    shown = repr(value)
    return OddValueError(f"{expected} expected, found {shown[:_MAX_SHOWN]}{'...' if len(shown) > _MAX_SHOWN else ''}")


class TextColumn(TypeDecorator[str]):
    """Text."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """To the database."""
        return storable(value) if isinstance(value, str) else value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """From the database."""
        if value is not None and not isinstance(value, str):
            raise _odd("text", value)
        return value


class IntegerColumn(TypeDecorator[int]):
    """A whole number."""

    impl = Integer
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        """From the database."""
        if value is not None and not isinstance(value, int):
            raise _odd("whole number", value)
        return value


class NumberColumn(TypeDecorator[float]):
    """A number."""

    impl = Double
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> float | None:
        """From the database."""
        if value is not None and not (isinstance(value, int | float) and math.isfinite(value)):
            raise _odd("number", value)
        return value


class JsonColumn(TypeDecorator[Any]):
    """Data of one shape: an object, or a list of texts or of objects."""

    impl = JSON
    cache_ok = True

    def __init__(self, shape: type[dict[str, Any]] | type[list[Any]], *, of: type | None = None, **kept: Any) -> None:
        """Say what is kept: `shape`, and of a list the type of its items."""
        super().__init__(**kept)
        self.shape, self.of = shape, of

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """To the database."""
        return storable(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """From the database."""
        if value is None:
            return None
        if not isinstance(value, self.shape):
            raise _odd("JSON object" if self.shape is dict else "JSON list", value)
        if self.of is not None:
            for item in value:
                if not isinstance(item, self.of):
                    raise _odd("JSON list of " + ("texts" if self.of is str else "objects"), value)
        return value


class UtcMoment(TypeDecorator[datetime]):
    """Times with a zone, kept as UTC, also where the database (SQLite) knows no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        if value is None:
            return None
        check_moment(value, "a time")
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
