"""YAML files: read so that every value is what is written, or refused.

The values are those of YAML 1.2 (its core schema). Whatever YAML 1.1 or another reader takes for something else than
text is refused unless it stands in quotes, since people who write it mean one or the other: `01234`, `0x1F`,
`12:30:00`, `2026-01-31`, `1_000`, `yes`. So are doubled keys, of which one would vanish, and `${NAME}`, which nothing
fills in.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StreamMark, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from loadtasks.errors import BadInputError
from loadtasks.input_files import MIB, UnusableFileError, decoded, read_bytes
from loadtasks.scenarios.numbers import WrittenFloat
from loadtasks.scenarios.values import shortened
from loadtasks.scenarios.variables import check_no_variable

MAX_DEPTH = 100
"""Mappings and lists within one another; deeper ones can't be sent as JSON everywhere."""
MAX_BYTES = MIB
"""Of a file; reading takes about a microsecond a byte."""
MAX_VALUES = 20_000
"""Values of a file with its aliases replaced by what they stand for: a few lines of aliases can stand for billions.
Reading takes 30 microseconds a value."""
MAX_LENGTH = 4 * MIB
"""Characters of all these values."""
_VERSION = (1, 2)
_TAG = "tag:yaml.org,2002:"
_NULL = re.compile(r"null|Null|NULL|~|")
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_PLAIN_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_MAX_DIGITS = 1000
_AMBIGUOUS = {
    "a date or time": r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt\s].*)?",
    "a number of base 60": r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?",
    "a number with underscores": r"(?=[^_]*_)[-+]?(\.[0-9_]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?",
    "a binary, octal or hexadecimal number": r"[-+]?0[bB][01_]+|[-+]?0[oO][0-7_]+|[-+]?0[xX][0-9a-fA-F_]+",
    "no finite number": r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
    "true or false": r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF",
}
"""What readers of YAML take plain text for, and how it looks."""
_READ_OTHERWISE = {what: re.compile(pattern, re.DOTALL) for what, pattern in _AMBIGUOUS.items()}
_NOT_AS_WRITTEN = "the number {} would not be sent as it is written; put it in quotes"
_OTHER_LINE_ENDS = re.compile("[\x85\u2028\u2029]")


class WrongYamlError(Exception):
    """What is wrong, and in which line (from 1); 0 where no line is known."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


def read_file(path: Path) -> bytes:
    """What a YAML file holds.

    Raises:
        BadInputError: it can't be read, or is too long; one sentence with the file.
    """
    try:
        return read_bytes(path, MAX_BYTES)
    except UnusableFileError as error:
        raise BadInputError(f"{path}: {error}.") from error


def yaml_of(path: Path, data: bytes) -> Any:
    """The content of a YAML file as JSON values, numbers with a point or exponent as `WrittenFloat`.

    Raises:
        BadInputError: it holds something that could be meant otherwise; one sentence with file and line.
    """
    try:
        return parse_yaml(data)
    except WrongYamlError as error:
        raise BadInputError(f"{path}:{f' line {error.line}:' if error.line else ''} {error}.") from None


def parse_yaml(data: bytes) -> Any:
    """The content of a YAML file, see `yaml_of`.

    Raises:
        WrongYamlError: it can't be read.
    """
    try:
        text = decoded(data)
    except UnusableFileError as error:
        raise WrongYamlError(0, str(error)) from None
    if found := _OTHER_LINE_ENDS.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise WrongYamlError(line, f"the character U+{ord(found[0]):04X} ends lines in YAML 1.1; write it as an escape")
    try:
        return _Builder(YAML(typ="safe", pure=True).parse(text)).document()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = shortened(" ".join(str(error.problem or error.context).split()))
        raise WrongYamlError(mark.line + 1 if mark else 0, f"not YAML: {what}{_hint(text, mark)}") from None
    except YAMLError as error:
        position = getattr(error, "position", None)
        line = text.count("\n", 0, position) + 1 if isinstance(position, int) else 0
        raise WrongYamlError(line, "not YAML: a character that can't stand in it") from error
    except (ValueError, ArithmeticError, LookupError, TypeError) as error:  # the library meets one, as with %YAML 9e9
        raise WrongYamlError(0, f"not YAML: {type(error).__name__} where it is read") from error


def _hint(text: str, mark: StreamMark | None) -> str:
    """What else is wrong with a line that is not YAML: `{key: ${NAME}}` is none because of its braces."""
    lines = text.splitlines()
    try:
        check_no_variable(lines[mark.line] if mark and mark.line < len(lines) else "")
    except ValueError as error:
        return f"; {error}"
    return ""


class _Builder:
    """Builds the value of a document from the events of its parsing."""

    def __init__(self, events: Iterator[Event]) -> None:
        self._events = events
        self._path: list[str] = []
        self._anchors: dict[str, tuple[Any, int, int]] = {}
        """By anchor: the value, how many values it holds, and how many characters."""
        self._open: set[str] = set()
        """Anchors of values that are not complete yet."""
        self._count = 0
        self._length = 0

    def document(self) -> Any:
        """The value of the only document; None where there is nothing."""
        value, seen = None, False
        for event in self._events:
            if not isinstance(event, DocumentStartEvent):
                continue
            if seen:
                raise self._wrong(event, "a second document begins; a file holds one")
            if event.version not in (None, _VERSION):
                raise self._wrong(event, "files are YAML 1.2; leave the %YAML line out")
            value, seen = self._value(next(self._events)), True
        return value

    def _value(self, event: Event) -> Any:
        if isinstance(event, AliasEvent):
            return self._alias(event)
        assert isinstance(event, ScalarEvent | CollectionStartEvent)  # noqa: S101 - nothing else begins a value
        before, length_before, anchor = self._count, self._length, event.anchor
        self._add(event, 1, len(event.value) if isinstance(event, ScalarEvent) else 0)
        if anchor:
            self._open.add(anchor)
        if isinstance(event, ScalarEvent):
            value: Any = self._scalar(event)
        elif isinstance(event, MappingStartEvent):
            self._check_tag(event, "map")
            value = self._mapping()
        else:
            self._check_tag(event, "seq")
            value = self._sequence()
        if anchor:
            self._open.discard(anchor)
            self._anchors[anchor] = value, self._count - before, self._length - length_before
        return value

    def _alias(self, event: NodeEvent) -> Any:
        name = shortened(event.anchor or "")
        if event.anchor in self._open:
            raise self._wrong(event, f"*{name} stands within what it refers to")
        if event.anchor not in self._anchors:
            raise self._wrong(event, f"*{name} refers to no anchor &{name} before it")
        value, count, length = self._anchors[event.anchor]
        self._add(event, count, length)
        return value

    def _mapping(self) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        keys: set[str] = set()
        while not isinstance(event := next(self._events), MappingEndEvent):
            key = self._key(event)
            if key in keys:
                raise self._wrong(
                    event, f"the key {shortened(key)!r} stands here twice; one of them would have no effect"
                )
            keys.add(key)
            self._path.append(key)
            following = next(self._events)
            value = self._value(following)
            if key == "<<" and isinstance(event, ScalarEvent) and event.style is None:
                merged = self._merged(following, value)
            else:
                own[key] = value
            self._path.pop()
        return {**merged, **own}

    def _key(self, event: Event) -> str:
        # An alias is a key as well where it stands for text.
        key = self._value(event) if isinstance(event, ScalarEvent | AliasEvent) else None
        if not isinstance(key, str):
            written = event.value if isinstance(event, ScalarEvent) else "of a mapping"
            raise self._wrong(event, f"the key {shortened(written)} is not text; put it in quotes")
        return key

    def _merged(self, event: Event, value: Any) -> dict[str, Any]:
        """The keys that `<<` takes from one mapping or from several, of which the first goes before."""
        mappings = value if isinstance(value, list) else [value]
        merged: dict[str, Any] = {}
        for mapping in reversed(mappings):
            if not isinstance(mapping, dict):
                raise self._wrong(event, "`<<` takes the keys of a mapping, as in `<<: *name`")
            merged.update(mapping)
        return merged

    def _sequence(self) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            self._path.append(str(len(items)))
            items.append(self._value(event))
            self._path.pop()
        return items

    def _scalar(self, event: ScalarEvent) -> Any:
        try:
            text = _whole(event.value)
        except UnicodeDecodeError:
            raise self._wrong(event, "half a surrogate pair is not text") from None
        try:
            check_no_variable(text)
        except ValueError as error:
            raise self._wrong(event, f"{error} (a token is LOADTASKS_TOKEN; what differs, a feeder has)") from None
        if event.tag in ("!", f"{_TAG}str"):
            return text
        self._check_tag(event, "str")
        return text if event.style is not None else self._plain(event, text)

    def _plain(self, event: ScalarEvent, text: str) -> Any:
        """The value of a scalar without quotes: https://yaml.org/spec/1.2.2/#103-core-schema."""
        if _NULL.fullmatch(text):
            return None
        if text in _BOOLEAN:
            return _BOOLEAN[text]
        for what, pattern in _READ_OTHERWISE.items():
            if pattern.fullmatch(text):
                raise self._wrong(event, f"{shortened(text)} may be read as {what}; put it in quotes if it is text")
        if _INTEGER.fullmatch(text):
            if not _PLAIN_INTEGER.fullmatch(text) or text == "-0" or len(text) > _MAX_DIGITS:
                raise self._wrong(event, _NOT_AS_WRITTEN.format(shortened(text)))
            return int(text)
        if _FLOAT.fullmatch(text):
            number = WrittenFloat(text)
            if not number.is_exact:
                raise self._wrong(event, _NOT_AS_WRITTEN.format(shortened(text)))
            return number
        return text

    def _check_tag(self, event: ScalarEvent | CollectionStartEvent, kind: str) -> None:
        if event.tag not in (None, "!", _TAG + kind):
            tag = str(event.tag).replace(_TAG, "!!")
            raise self._wrong(event, f"the tag {shortened(tag)} has no meaning here; leave it out")

    def _add(self, event: Event, count: int, length: int) -> None:
        self._count += count
        self._length += length
        if self._count > MAX_VALUES or self._length > MAX_LENGTH:
            raise self._wrong(
                event, f"the file stands for more than {MAX_VALUES:,} values or {MAX_LENGTH // MIB} MiB of text"
            )
        if len(self._path) > MAX_DEPTH:
            raise self._wrong(event, f"more than {MAX_DEPTH} mappings and lists within one another")

    def _wrong(self, event: Event, what: str) -> WrongYamlError:
        where = ".".join(self._path)
        line = event.start_mark.line + 1
        return WrongYamlError(line, f"{_shown(shortened(where))}: {what}" if where else what)


def _whole(text: str) -> str:
    """A text whose surrogate pairs, as JSON escapes them, are the characters that they stand for.

    Raises:
        UnicodeDecodeError: there is half a pair in it.
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16")


def _shown(text: str) -> str:
    """Text on one line."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
