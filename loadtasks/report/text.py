"""Texts from targets and files made safe, and sentences made whole."""

import unicodedata

from loadtasks.measurement.model import label_of


def plain(text: str) -> str:
    """One line without control characters, escape sequences, direction marks or lone surrogates.

    Every text that comes from a target or a file passes this before it reaches a terminal, a mail header or Markdown.
    """
    kept = ("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) == "Cs" else c for c in text)
    clean = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in kept)
    return " ".join("".join(c for c in clean if unicodedata.category(c) != "Cf").split())


def printable(text: str) -> str:
    r"""A text with its control characters, escape sequences, line breaks and direction marks written out, as `\n`.

    For terminals, where nothing that a target or a file says may do anything but be read.
    """
    return "".join(c if c == " " or c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def label(scenario: str, part: str = "") -> str:
    """How people read a scenario, or a part of a mixed one: `mixed.concurrent (sessions)`."""
    return plain(label_of(scenario, part))


def sentence(text: str) -> str:
    """A text with a capital letter and a full stop; a name at its beginning keeps its small letter."""
    text = text.rstrip(".")
    first, _, _ = text.partition(" ")
    starts_with_name = "." in first or "_" in first or (len(first) > 1 and any(c.isdigit() for c in first))
    return (text if starts_with_name else text[:1].upper() + text[1:]) + "."
