"""Texts from targets, files and people: whether they are text, and made safe to show."""

import unicodedata


def plain(text: str) -> str:
    """One line without control characters, escape sequences, direction marks or lone surrogates.

    Every text that comes from a target or a file passes this before it reaches a terminal, a mail header or Markdown.
    """
    if text.isascii() and text.isprintable():  # most are, and a page has tens of thousands
        return " ".join(text.split())
    kept = ("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) == "Cs" else c for c in text)
    clean = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in kept)
    return " ".join("".join(c for c in clean if unicodedata.category(c) != "Cf").split())


def is_text(text: str) -> bool:
    """Whether a string can be written anywhere: it holds no half of a surrogate pair, as Python's readers may leave."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
