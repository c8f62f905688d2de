"""Values that can be reckoned with: what is read from a database or a file may hold any that JSON or SQLite can."""

import math
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel

from loadtasks.plain_text import is_text

FIRST_YEAR, LAST_YEAR = 1970, 2999
"""No clock is that wrong, and within these years days can be added to a time."""
MAX_NUMBER = 1e18
"""No count and no time is as large, and what is made of numbers below it doesn't overflow."""

_Model = TypeVar("_Model", bound=BaseModel)


class ImplausibleError(ValueError):
    """A value that nothing ever had: a clause that says where it is and what it is."""


def plausible(model: _Model) -> _Model:
    """A model all of whose numbers, times and texts, at any depth, can be reckoned with and written.

    Raises:
        ImplausibleError: a number is not finite or beyond `MAX_NUMBER`, a time has no zone or no plausible year, or a
            text holds half a surrogate pair.
    """
    for name in type(model).model_fields:
        _check(getattr(model, name), name)
    return model


def check_moment(value: datetime, where: str) -> None:
    """Check the year of a time.

    Raises:
        ImplausibleError: it is not a plausible one.
    """
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ImplausibleError(f"{where}: time from {FIRST_YEAR} to {LAST_YEAR} expected, found {value.isoformat()}")


def _check(value: Any, where: str) -> None:
    if isinstance(value, BaseModel):
        inner = [(name, getattr(value, name)) for name in type(value).model_fields]
    elif isinstance(value, dict):
        inner = list(value.items())
        for name in value:
            _check_single(name, where)
    elif isinstance(value, list | tuple):
        inner = [(str(number), item) for number, item in enumerate(value)]
    else:
        _check_single(value, where)
        return
    for name, item in inner:
        _check(item, f"{where}.{name}")


def _check_single(value: Any, where: str) -> None:
    if isinstance(value, str):
        _check_text(value, where)
    elif isinstance(value, datetime):
        if value.tzinfo is None:
            raise ImplausibleError(f"{where}: time with a zone expected, found {value.isoformat()}")
        check_moment(value, where)
    elif isinstance(value, int | float) and not (math.isfinite(value) and abs(value) <= MAX_NUMBER):
        raise ImplausibleError(f"{where}: number of at most {MAX_NUMBER:g} expected")


def _check_text(value: str, where: str) -> None:
    if not is_text(value):
        raise ImplausibleError(f"{where}: text expected, found half a surrogate pair")
