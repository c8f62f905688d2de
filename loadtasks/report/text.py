"""Names made safe to show, and sentences made whole."""

from collections.abc import Collection, Sequence

from loadtasks.measurement.model import label_of
from loadtasks.plain_text import plain


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


def columns(rows: Sequence[Sequence[str]], *, left: Collection[int]) -> str:
    """A table of texts as lines, two spaces between columns; those that are numbered in `left` begin at the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if number in left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
