"""JSON of responses and messages, as strict as JSON: how it is parsed, and which values are equal.

Equality is that of JSON Schema (https://json-schema.org/draft/2020-12/json-schema-core#section-4.2.2): numbers are
equal by their value, whether they are written 1 or 1.0; `true` is no number, and a text never equals a number.
"""

import json
import re
from typing import Any, NoReturn

MISSING = object()
"""What `value_at` returns where there is no value, since None is one."""
_INDEX = re.compile(r"0|[1-9][0-9]{0,17}")
_MAX_CONTAINERS = 500_000
"""Arrays and objects of a document: each takes 20 times the memory of its two brackets."""
_MAX_SHOWN = 200


class _ConstantError(ValueError):
    """NaN or Infinity, which Python reads and JSON lacks."""


def parse_json(text: bytes | str) -> Any:
    """A JSON document (RFC 8259). A byte order mark before it is ignored.

    Raises:
        ValueError: it isn't JSON; a clause that says what is wrong.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"not JSON: not UTF-8 at byte {error.start}") from None
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise ValueError("empty, not JSON")
    if len(text) > _MAX_CONTAINERS and text.count("[") + text.count("{") > _MAX_CONTAINERS:
        raise ValueError(f"JSON of more than {_MAX_CONTAINERS:,} arrays and objects, too many to be checked")
    try:
        return _loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg[0].lower()}{error.msg[1:]} at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("JSON that is nested too deeply to be checked") from None


def value_at(document: Any, path: str) -> Any:
    """The value at a dotted path (`items.0.id`), or MISSING."""
    for step in path.split("."):
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list) and _INDEX.fullmatch(step) and int(step) < len(document):
            document = document[int(step)]
        else:
            return MISSING
    return document


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def equal(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal."""
    if isinstance(one, dict):
        return (
            isinstance(other, dict) and one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(equal, one, other))
    if is_number(one):
        return is_number(other) and bool(one == other)
    return type(one) is type(other) and bool(one == other)


def contains(document: Any, expected: Any) -> bool:
    """Whether a JSON document has every expected value; its objects may have more keys."""
    if isinstance(expected, dict):
        return isinstance(document, dict) and all(
            key in document and contains(document[key], value) for key, value in expected.items()
        )
    return equal(document, expected)


def key_of(value: str | float) -> str:
    """A text that two texts or numbers have in common exactly where they are equal."""
    return json.dumps(int(value) if isinstance(value, float) and value.is_integer() else value)


def shown(value: Any) -> str:
    """A JSON value for people, on one line and not too long."""
    text = json.dumps(value, ensure_ascii=False)
    line = "".join(character if character.isprintable() else json.dumps(character)[1:-1] for character in text)
    return line if len(line) <= _MAX_SHOWN else f"{line[:_MAX_SHOWN]}…"


def _loads(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (json.JSONDecodeError, _ConstantError):
        raise
    except ValueError:
        # Python takes integers of up to 4,300 digits: a longer one counts as a number above or below all others.
        return json.loads(text, parse_constant=_refuse, parse_int=float)


def _refuse(constant: str) -> NoReturn:
    raise _ConstantError(f"not JSON: {constant} is not a JSON number")
