"""A text as somebody would read it who undoes its escapes: where the characters that come out stood in the text.

A target may quote what it was sent in any notation: percent-encoded in an address, escaped in JSON or HTML, in base64
as `Authorization: Basic` has it, several of them one within the other. A secret is looked for in each of these views.
"""

import base64
import html
import re
import sys
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

_MAX_READINGS = 24
"""Readings of one text: the escapes of each kind undone, one within the other, as JSON within JSON in an address."""
_ESCAPES = (
    re.compile(r"(?P<percent>(?:%[0-9a-f]{2})+)", re.IGNORECASE),
    re.compile(
        r"""(?P<utf16>(?:\\u[0-9a-f]{4})+)
          | \\u\{(?P<braces>[0-9a-f]{1,6})\}
          | (?P<bytes>(?:\\x[0-9a-f]{2})+)
          | \\(?P<escaped>[^\w\s]|[bfnrt])""",
        re.IGNORECASE | re.VERBOSE,
    ),
    re.compile(r"(?P<entity>&(?:\#[0-9]{1,7}|\#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});)", re.IGNORECASE),
)
"""Of addresses; of JSON, JavaScript and Python; of HTML. They are undone one after the other, in every order, since
what is an escape of one kind may be plain text within another."""
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}(?:\r?\n[ \t]*[A-Za-z0-9+/_-]{2,})*")
"""Either alphabet (RFC 4648, sections 4 and 5), wrapped or not."""
_HEX = re.compile(r"[0-9A-Fa-f]{12,}")
_TO_STANDARD = str.maketrans("-_", "+/")


class View(NamedTuple):
    """A text without its escapes. Character n stood in the original from `starts[n]` to before `ends[n]`."""

    text: str
    starts: list[int]
    ends: list[int]


class _Character(NamedTuple):
    """One character that an escape stands for, and which characters of the text spell it."""

    character: str
    start: int
    end: int


def readings(text: str) -> Iterator[View]:
    """The text itself, then with its escapes undone, kind by kind, until none is left."""
    upcoming = [_visible(text)]
    seen = {upcoming[0].text}
    for view in upcoming:
        yield view
        for escape in _ESCAPES:
            inner = _unescaped(view, escape)
            if inner.text not in seen and len(seen) < _MAX_READINGS:
                seen.add(inner.text)
                upcoming.append(inner)


def decodings(view: View) -> Iterator[View]:
    """What each stretch that may be base64 or hexadecimal digits says, wherever the encoded text may have begun."""
    for found in _BASE64.finditer(view.text):
        places = [place for place in range(*found.span()) if not view.text[place].isspace()]
        digits = "".join(view.text[place] for place in places).translate(_TO_STANDARD)
        for phase in range(4):
            decoded = base64.b64decode(digits[phase:] + "A" * (-(len(digits) - phase) % 4))
            yield _decoded(view, places[phase:], decoded, bits=6)
    for found in _HEX.finditer(view.text):
        for phase in range(2):
            digits = found[0][phase:]
            decoded = bytes.fromhex(digits[: len(digits) // 2 * 2])
            yield _decoded(view, list(range(found.start() + phase, found.end())), decoded, bits=4)


def _decoded(view: View, places: list[int], data: bytes, bits: int) -> View:
    """The bytes, of which each digit at one of these places gave some bits."""
    count = min(len(data), len(places) * bits // 8)
    first = (places[8 * number // bits] for number in range(count))
    last = (places[min(len(places), -(-8 * (number + 1) // bits)) - 1] for number in range(count))
    return View(
        data[:count].decode("latin-1"), [view.starts[place] for place in first], [view.ends[place] for place in last]
    )


def _visible(text: str) -> View:
    """The text without characters that nobody sees, such as a zero-width space in the middle of a word."""
    if text.isascii():
        return View(text, list(range(len(text))), list(range(1, len(text) + 1)))
    kept = [place for place, character in enumerate(text) if unicodedata.category(character) != "Cf"]
    return View("".join(text[place] for place in kept), kept, [place + 1 for place in kept])


def _unescaped(view: View, escape: re.Pattern[str]) -> View:
    """The view with one layer of escapes of one kind undone."""
    text, at = view.text, 0
    inner = View("", [], [])
    characters: list[str] = []

    def copy(start: int, end: int) -> None:
        characters.append(text[start:end])
        inner.starts.extend(view.starts[start:end])
        inner.ends.extend(view.ends[start:end])

    for found in escape.finditer(text):
        copy(at, found.start())
        at = found.end()
        for character, start, end in _meant(found):
            if unicodedata.category(character) != "Cf":
                characters.append(character)
                inner.starts.append(view.starts[start])
                inner.ends.append(view.ends[end - 1])
    copy(at, len(text))
    return inner._replace(text="".join(characters))


def _meant(found: re.Match[str]) -> Iterator[_Character]:
    """The characters that an escape stands for; those of the escape itself where it stands for none."""
    start, end = found.span()
    kind = found.lastgroup or ""
    match kind:
        case "percent":
            yield from _units(found, r"%", width=3)
        case "bytes":
            yield from _units(found, r"\\x", width=4)
        case "utf16":
            yield from _units(found, r"\\u", width=3)
        case "braces":
            point = int(found[kind], 16)
            yield _Character(chr(point) if point <= sys.maxunicode else "\ufffd", start, end)
        case "escaped":
            yield _Character(_CONTROLS.get(found[kind], found[kind]), start, end)
        case _:
            meant = html.unescape(found[0])
            for number, character in enumerate(meant):
                known = meant != found[0]
                yield _Character(character, start if known else start + number, end if known else start + number + 1)


def _units(found: re.Match[str], mark: str, width: int) -> Iterator[_Character]:
    """The characters of a run of code units, each written as a mark and digits: `width` characters a byte."""
    data = bytes.fromhex(re.sub(mark, "", found[0], flags=re.IGNORECASE))
    text, encoding = _text(data, "utf-16-be" if found.lastgroup == "utf16" else "utf-8")
    start = found.start()
    for character in text:
        end = start + width * len(character.encode(encoding, "surrogatepass"))
        yield _Character(character, start, end)
        start = end


def _text(data: bytes, encoding: str) -> tuple[str, str]:
    """The bytes as text, and the encoding that they have: the one given, else Latin-1."""
    try:
        return data.decode(encoding, "surrogatepass"), encoding
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"
