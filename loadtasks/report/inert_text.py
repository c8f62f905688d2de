"""Texts from outside in Markdown that GitHub or GitLab renders, where nothing of them may mean anything.

Two things have to be kept out. Markdown and HTML: their characters are written as numeric references, which never make
structure (CommonMark, section 2.5), in table cells too, where a backslash would not always do. And what the platforms
make of the text once it is rendered (mentions, references to issues, merge requests and commits, bare addresses, emoji,
inline diffs), which no escape reaches: a zero-width space keeps these apart. Between backticks neither happens.
"""

import re
from textwrap import wrap
from urllib.parse import quote, urlsplit

from loadtasks.plain_text import plain

_GAP = "\N{ZERO WIDTH SPACE}"
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|~!&$@^]")
_SIMPLE = re.compile(r"[A-Za-z0-9_.,:/()+-]([A-Za-z0-9_.,:/()+ -]*[A-Za-z0-9_.,:/()+-])?")
"""Texts that stand between backticks as they are."""
_SPLIT = re.compile(
    r"[@#!$%~&^](?=[\w\"'{])"  # @user, #1, !1, $1, %1, ~label, &1, ^alert
    r"|\b[A-Za-z]+-(?=\d)"  # GH-1, and other trackers that a repository may link
    r"|:(?=//)|\bwww(?=\.)"  # bare addresses
    r"|:(?=[\w+-]+:)"  # :emoji:
    r"|[\[{](?=[\[{+-])",  # [[page]], {+ inline diff +}
    re.IGNORECASE,
)
_COMMIT = re.compile(r"\b[0-9a-f]{7,64}\b", re.IGNORECASE)
_MAX_DIGITS = 6
"""Hexadecimal digits in a row that no platform takes for a commit."""
"""What ends where a gap is put."""
MAX_NAME, MAX_SENTENCE = 100, 400
_MAX_URL = 2_000


def inert(text: str, max_length: int = MAX_SENTENCE) -> str:
    """A text as one line of Markdown in which it is nothing but text, cut to a length before it is escaped."""
    return _escaped(_cut(text, max_length))


def code(text: str, max_length: int = MAX_NAME) -> str:
    """A name as code, where nothing of it means anything; one without a character is a dash."""
    shown = _cut(text, max_length)
    if _SIMPLE.fullmatch(shown):
        return f"`{shown}`"
    return f"<code>{_escaped(shown)}</code>" if shown else "–"  # noqa: RUF001


def link(text: str, url: str) -> str:
    """A link to a page; the text alone where the address is none of HTTP, or has no end."""
    try:
        usable = urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).hostname)
    except ValueError:
        usable = False
    if not usable or len(url) > _MAX_URL:
        return inert(text)
    return f"[{inert(text)}](<{quote(url, safe=':/?#@!$&*+,;=%~-._')}>)"


def _escaped(text: str) -> str:
    gapped = _COMMIT.sub(lambda found: _GAP.join(wrap(found[0], _MAX_DIGITS)), text)
    gapped = _SPLIT.sub(lambda found: f"{found[0]}{_GAP}", gapped)
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", gapped)


def _cut(text: str, max_length: int) -> str:
    shown = plain(text[: 4 * max_length])
    return shown if len(shown) <= max_length else f"{shown[: max_length - 1].rstrip()}…"
