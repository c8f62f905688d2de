"""JSON that people give, read so that nothing of it is lost or changed, however large or strange it is.

Python's reader takes the last of two keys, NaN, halves of surrogate pairs and numbers that are infinite; others end it
with errors that are no `JSONDecodeError`.
"""

import json
import math
from collections.abc import Callable
from typing import Any, NoReturn

from loadtasks.plain_text import is_text

MAX_DEPTH = 100
"""Objects and lists within one another."""
MAX_DIGITS = 1000
"""Of a whole number."""


def parse(text: str, *, read_float: Callable[[str], float] = float, max_values: int | None = None) -> Any:
    """The value of a JSON document (RFC 8259), or of one line of JSON.

    Args:
        text: the document.
        read_float: makes a number of the text of one that has a point or an exponent.
        max_values: how many values there may be in it, the objects and lists included.

    Raises:
        ValueError: it is no JSON, or holds a doubled key, NaN or Infinity, a number too large for a float or of more
            than 1,000 digits, half a surrogate pair, or too much; a clause that says what.
    """

    def number(written: str) -> float:
        value = read_float(written)
        if not math.isfinite(value):
            raise ValueError(f"the number {_short(written)} is too large")
        return value

    try:
        value = json.loads(
            text, parse_constant=_refuse, parse_float=number, parse_int=_whole_number, object_pairs_hook=_object
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}" if "\n" in text else f"column {error.colno}"
        raise ValueError(f"not JSON: {where}: {error.msg[0].lower()}{error.msg[1:]}") from None
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    _check(value, max_values)
    return value


_TOO_DEEP = f"more than {MAX_DEPTH} objects and lists within one another"


def _check(document: Any, max_values: int | None) -> None:
    """See that a value is not too deep or too much, and that its texts are text."""
    depth, count, level = 0, 0, [document]
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > MAX_DEPTH and any(isinstance(value, list | dict) for value in level):
            raise ValueError(_TOO_DEEP)
        if max_values is not None and count > max_values:
            raise ValueError(f"more than {max_values:,} values in it")
        inner: list[Any] = []
        for value in level:
            if isinstance(value, str):
                _check_text(value)
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, dict):
                for key in value:
                    _check_text(key)
                inner += value.values()
        level = inner


def _check_text(text: str) -> None:
    if not is_text(text):
        raise ValueError("half a surrogate pair (as \\ud800) is not text")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {_short(key)!r} is given twice in one object; leave one of them out")
            seen.add(key)
    return values


def _whole_number(written: str) -> int:
    if len(written) > MAX_DIGITS:
        raise ValueError(f"the number {_short(written)} has more than {MAX_DIGITS:,} digits")
    return int(written)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _short(text: str) -> str:
    """A text for people, who see by its beginning which one it is."""
    return text if len(text) <= 40 else f"{text[:40]}..."  # noqa: PLR2004 - as much as a line takes
