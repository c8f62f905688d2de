"""Placeholders in a request: `{{column}}` becomes the value that a feeder's row has in that column.

`{{measurement.id}}` is no column: it becomes one value for the whole of a measurement, before any row is filled in.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from loadtasks.scenarios.numbers import WrittenFloat

Row = Mapping[str, Any]
MEASUREMENT_ID = "measurement.id"
_NOT_IN_PATHS = re.compile(r"[#\\\x00-\x1f\x7f-\x9f]")
"""What a path may not hold as it is: the beginning of a fragment, and what `requests` treats in ways of its own."""
_PLACEHOLDER = re.compile(r"\{\{([^{}]+)\}\}")
"""Blanks around the name are cut by `_name`: an expression that leaves them out takes time that grows with their
square."""


def columns_in(value: Any) -> Iterator[str]:
    """The columns that placeholders name in a text, or in the keys and values of a JSON value."""
    if isinstance(value, str):
        yield from (name for found in _PLACEHOLDER.finditer(value) if (name := _name(found)) != MEASUREMENT_ID)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from columns_in(key)
            yield from columns_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from columns_in(item)


def identify(value: Any, measurement_id: str) -> Any:
    """A JSON value in whose keys and values the id of the measurement is filled in; other placeholders stay."""
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda found: measurement_id if _name(found) == MEASUREMENT_ID else found[0], value)
    if isinstance(value, dict):
        return {identify(key, measurement_id): identify(item, measurement_id) for key, item in value.items()}
    if isinstance(value, list):
        return [identify(item, measurement_id) for item in value]
    return value


def fill(value: Any, row: Row) -> Any:
    """A JSON value with its placeholders filled; a text that is one placeholder takes the type of the row's value."""
    if isinstance(value, str):
        whole = _PLACEHOLDER.fullmatch(value)
        return row[_name(whole)] if whole else fill_text(value, row)
    if isinstance(value, dict):
        return {fill_text(key, row): fill(item, row) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, row) for item in value]
    return value


def fill_text(text: str, row: Row) -> str:
    """A text with its placeholders filled; what is no text in the row is put in as JSON."""
    return _PLACEHOLDER.sub(lambda found: value_text(row[_name(found)]), text)


def fill_path(path: str, row: Row) -> str:
    """A path with its placeholders filled: a value may hold slashes and a query, but it never begins a fragment."""
    return _PLACEHOLDER.sub(lambda found: _NOT_IN_PATHS.sub(_escaped, value_text(row[_name(found)])), path)


def without_placeholders(text: str) -> str:
    """A text with a letter in place of each of its placeholders."""
    return _PLACEHOLDER.sub("x", text)


def _name(found: re.Match[str]) -> str:
    return found[1].strip()


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())


def value_text(value: Any) -> str:
    """A row's value as it stands in a text: what is no text is put in as JSON."""
    if isinstance(value, WrittenFloat):
        return value.written
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
