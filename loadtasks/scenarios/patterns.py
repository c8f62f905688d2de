"""Regular expressions of scenario files, compiled once and for all as the engine uses them.

They are those of RE2, whose search takes a time that grows with the text alone. The expressions of Python's `re` can
take for ever on a few bytes, and RE2 leaves out what makes them so: look-arounds and back-references.
"""

import re
from typing import Final, Self

import re2

from loadtasks.plain_text import plain

MAX_INSTRUCTIONS: Final = 5_000
"""Size of a compiled expression. A search takes up to 10 ns per instruction and byte where the text is made for that
(measured: `[ab]*a[ab]{200}c` on random a and b, 1.4 s per MiB), and usually 1 ns per byte."""
MAX_LENGTH: Final = 10_000
"""Characters of an expression."""
_MAX_MEMORY = 8 * 1024 * 1024
"""Bytes that RE2 may use for an expression and for the states of its searches."""
_NOT_IN_RE2 = re.compile(r"\(\?<?[=!]|\(\?P=|\\[1-9]")
_TOO_LARGE = "a regular expression that is too large once its repetitions are written out; repeat less"


class BodyPattern:
    """A regular expression that is searched for in the bytes of a body, read as UTF-8."""

    def __init__(self, text: str, regexp: "re2._Regexp") -> None:
        self.text = text
        """As the scenario file has it."""
        self._regexp = regexp

    @classmethod
    def compiled(cls, text: str) -> Self:
        """The pattern of a text.

        Raises:
            ValueError: it is no regular expression of RE2, or too large a one; a clause that says what is wrong.
        """
        if len(text) > MAX_LENGTH:
            raise ValueError(f"a regular expression of more than {MAX_LENGTH:,} characters; write a shorter one")
        options = re2.Options()
        options.log_errors = False
        options.never_capture = True
        options.max_mem = _MAX_MEMORY
        try:
            regexp = re2.compile(text.encode(), options)
        except UnicodeEncodeError:
            raise ValueError("half a surrogate pair is not text") from None
        except re2.error as error:
            raise ValueError(_reason(text, plain(error.args[0].decode(errors="replace")))) from None
        if max(regexp.programsize, regexp.reverseprogramsize) > MAX_INSTRUCTIONS:
            raise ValueError(_TOO_LARGE)
        return cls(text, regexp)

    def is_in(self, body: bytes) -> bool:
        """Whether the pattern is found in a body. Bytes of it that are not UTF-8 match no character."""
        return self._regexp.search(body) is not None


def _reason(text: str, said: str) -> str:
    """What is wrong with an expression, from what RE2 says of it."""
    if "too large" in said or "repetition size" in said:
        return f"{_TOO_LARGE} ({said})"
    if found := _NOT_IN_RE2.search(text):
        return (
            f"not a regular expression of RE2, which has no look-arounds and no back-references such as {found[0]} "
            f"({said})"
        )
    return f"not a regular expression of RE2 (https://github.com/google/re2/wiki/Syntax): {said}"
