"""Files changed at random: bytes of them, whatever they hold, and the values of those that are JSON or YAML.

Every change is drawn from a `Random`, so that the same seed gives the same files.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from random import Random
from typing import Any

Mutator = Callable[[bytes, Random], bytes]
"""Gives a changed copy of a file."""

MAX_SIZE = 1_000_000
"""Bytes of a changed file."""
_TOKENS = (
    *(b"\x00", b"\xff", b"\xc3\x28", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\x1b[31m", b"\r", b"\t", b"\x85"),
    *(b"'", b'"', b"\\", b"\\u0000", b"\\ud800", b"\n", b"\n\n", b"  ", b"#", b"%", b"`", b"@", b",", b":", b": "),
    *(b"[", b"]", b"{", b"}", b"{{", b"}}", b"${HOME}", b"---\n", b"...\n", b"%YAML 1.1\n", b"&a ", b"*a", b"<<: "),
    *(b"? ", b"- ", b"!!python/name:os.system ", b"!!binary ", b"|\n", b">-\n", b"~", b"null", b"true", b"nan"),
    *(b".inf", b"-0", b"1e999", b"9" * 20, b"9" * 5000, b"0x7f", b"1:30", b"2026-02-30"),
    *(text.encode() for text in ("²", "\u202e", "\u2028")),
)


class Raw(str):
    """A value as it stands in a document, quoted and escaped by nobody."""

    __slots__ = ()


_DEEP = 5_000
_TEXTS = (
    *("", "0", "-1", "nan", "a b", "\x00", "\u202e", "\n", "\x1b[31m", "²", "%s%n", "{{x}}", "{{measurement.id}}"),
    *("${HOME}", "../../../etc/passwd", "/dev/zero", "<script>", "(a+)+$", "[", "(x{1000}){1000}", "a.b..c"),
    *("a" * 5000, "{{" * 5000),
)
_OTHERS = (
    *("null", "true", "false", "0", "-0", "-1", "1", "0.0", "-0.5", "1.0", "1e3", "5e-324", "1e-7", "1e18", "1e308"),
    *("-1e308", "1e400", "NaN", "Infinity", "-Infinity", "9007199254740993", "9223372036854775808"),
    *("9" * 30, "9" * 400, "9" * 5000, "[]", "{}", "[[]]", '[""]', "[null]", '{"": null}', '{"a": 1, "a": 2}'),
    *('"\\ud800"', '"\\ud83d\\ude00"', "[" * 90 + "]" * 90, "[" * _DEEP + "]" * _DEEP),
    '{"a": ' * 3000 + "1" + "}" * 3000,
)
HOSTILE_VALUES: Sequence[Raw] = tuple(map(Raw, (*map(json.dumps, _TEXTS), *_OTHERS)))


def change_bytes(data: bytes, chance: Random) -> bytes:
    """A file with some of its bytes changed, in one to four places."""
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        data = chance.choice(_BYTE_CHANGES)(data, chance)[:MAX_SIZE]
    return data


def document_mutator(read: Callable[[bytes], Any], *, strange: Sequence[str] = ()) -> Mutator:
    """Changes values and keys of a document, in one to three places; it becomes JSON, which is YAML as well.

    Args:
        read: gives the JSON value of a file of the corpus.
        strange: values as they stand in a document, besides `HOSTILE_VALUES`.
    """
    values = (*HOSTILE_VALUES, *map(Raw, strange))

    def mutate(data: bytes, chance: Random) -> bytes:
        document = _pairs(read(data))
        for _ in range(chance.choice([1, 1, 1, 2, 3])):
            document = _changed(document, values, chance)
        return written(document).encode("utf-8", "surrogatepass")[:MAX_SIZE]

    return mutate


def written(value: Any) -> str:
    """A value as JSON; a `_Pairs` as an object that may have a key twice."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, _Pairs):
        return f"{{{', '.join(f'{written(key)}: {written(item)}' for key, item in value)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    return json.dumps(value, ensure_ascii=False)


class _Pairs(list[tuple[Any, Any]]):
    """An object as its pairs of key and value."""


def _pairs(value: Any) -> Any:
    if isinstance(value, dict):
        return _Pairs((key, _pairs(item)) for key, item in value.items())
    return [_pairs(item) for item in value] if isinstance(value, list) else value


def _places(value: Any, path: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """The way to each value within a document, by position."""
    yield path
    for number, item in enumerate(value if isinstance(value, list) else ()):
        yield from _places(item[1] if isinstance(value, _Pairs) else item, (*path, number))


def _at(value: Any, path: tuple[int, ...]) -> Any:
    for number in path:
        value = value[number][1] if isinstance(value, _Pairs) else value[number]
    return value


def _changed(document: Any, values: Sequence[Raw], chance: Random) -> Any:
    places = list(_places(document))
    path = chance.choice(places)
    replacement: Any = (
        chance.choice(values) if chance.random() < 0.7 else deepcopy(_at(document, chance.choice(places)))
    )
    if not path:
        return replacement if chance.random() < 0.1 else document
    parent, number = _at(document, path[:-1]), path[-1]
    kind = chance.randrange(6)
    if not isinstance(parent, _Pairs):
        if kind == 0:
            del parent[number]
        elif kind == 1:
            parent.insert(number, replacement)
        elif kind == 2:
            parent.extend(list(parent) * min(200, 2000 // len(parent)))
        else:
            parent[number] = replacement
        return document
    key, value = parent[number]
    if kind == 0:
        del parent[number]
    elif kind == 1:
        parent.append((chance.choice([key, "new", Raw('"\\ud800"'), Raw("1"), Raw("null"), "a" * 3000]), replacement))
    elif kind == 2:
        parent[number] = (chance.choice([*(name for name, _ in parent), f"{key}x", "", key.upper()]), value)
    else:
        parent[number] = (key, replacement)
    return document


def _insert(data: bytes, chance: Random) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + chance.choice(_TOKENS) + data[at:]


def _flip(data: bytes, chance: Random) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def _overwrite(data: bytes, chance: Random) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + (token := chance.choice(_TOKENS)) + data[at + len(token) :]


def _range(data: bytes, chance: Random) -> tuple[int, int]:
    start = chance.randint(0, len(data))
    return start, min(len(data), start + chance.choice([1, 2, 8, 50, 400]))


def _delete(data: bytes, chance: Random) -> bytes:
    start, end = _range(data, chance)
    return data[:start] + data[end:]


def _repeat(data: bytes, chance: Random) -> bytes:
    start, end = _range(data, chance)
    times = min(chance.choice([2, 3, 100, 5000]), MAX_SIZE // max(1, end - start))
    return data[:start] + data[start:end] * times + data[end:]


def _cut(data: bytes, chance: Random) -> bytes:
    return data[: chance.randint(0, len(data))]


def _move_line(data: bytes, chance: Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if lines:
        line = lines.pop(chance.randrange(len(lines)))
        lines.insert(chance.randint(0, len(lines)), chance.choice([b"", b" ", b"  ", b"    "]) + line)
    return b"".join(lines)


def _double_line(data: bytes, chance: Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if lines:
        at = chance.randrange(len(lines))
        lines.insert(at, lines[at])
    return b"".join(lines)


_BYTE_CHANGES: Sequence[Mutator] = (
    _insert,
    _insert,
    _flip,
    _overwrite,
    _delete,
    _repeat,
    _cut,
    _move_line,
    _double_line,
)
