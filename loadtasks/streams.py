"""stdout and stderr that survive a poor terminal: one without µ, one that is closed, a pipe that nobody reads any more.

What was measured is worth more than what is shown of it: a stream that can't be written is left, and the run goes on.
Imports the standard library only, so that it works where an installation is broken.
"""

import codecs
import errno
import io
import os
import select
import sys
from typing import Any, TextIO

_STDOUT, _STDERR = 1, 2
_STAND_INS = {
    "\N{MICRO SIGN}": "u",
    "\N{GREEK SMALL LETTER MU}": "u",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{MIDDLE DOT}": "-",
    "\N{PLUS-MINUS SIGN}": "+-",
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{MINUS SIGN}": "-",
    "\N{RIGHTWARDS ARROW}": "->",
    "\N{LESS-THAN OR EQUAL TO}": "<=",
    "\N{GREATER-THAN OR EQUAL TO}": ">=",
    "\N{BOX DRAWINGS LIGHT HORIZONTAL}": "-",
    "\N{BOX DRAWINGS HEAVY HORIZONTAL}": "=",
    "\N{NO-BREAK SPACE}": " ",
    "\N{NARROW NO-BREAK SPACE}": " ",
}
"""For what the pipeline's own texts use beyond ASCII, on terminals without it. All else becomes a question mark."""
_ERRORS = "loadtasks-stand-ins"


def make_streams_steady() -> None:
    """Let stdout and stderr of this process take any text, and go on when they can't be written. To be called first."""
    codecs.register_error(_ERRORS, _stand_in)
    _occupy_closed_descriptors()
    sys.stderr = _steady(sys.stderr, _STDERR)
    sys.stdout = _steady(sys.stdout, _STDOUT)


class SteadyFile(io.FileIO):
    """An output descriptor that is given up, not raised about, when it can't be written."""

    def write(self, data: Any) -> int:
        """Write bytes, or drop them where that is impossible."""
        try:
            while (written := super().write(data)) is None:
                select.select([], [self], [])  # somebody has made the pipe non-blocking, and it is full
        except OSError as error:
            self._give_up(error)
            return len(data)
        return written

    def _give_up(self, error: OSError) -> None:
        """Let this and all that follows go nowhere, and say so, but not to somebody who left on purpose, as `head`."""
        descriptor = self.fileno()
        void = os.open(os.devnull, os.O_WRONLY)
        os.dup2(void, descriptor)
        os.close(void)
        if descriptor == _STDOUT and error.errno not in (errno.EPIPE, errno.EIO):
            sys.stderr.write(f"stdout can't be written ({error.strerror}); what follows is not shown.\n")


def _steady(stream: TextIO | None, descriptor: int) -> TextIO:
    """The steady stream in place of one of the interpreter's own; None stands for one that was closed."""
    if stream is not None and not isinstance(stream, io.TextIOWrapper):
        return stream  # somebody's own
    if stream is not None:
        stream.flush()
    file = SteadyFile(descriptor, "wb", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(file),
        encoding=stream.encoding if stream is not None else "utf-8",
        errors=_ERRORS,
        line_buffering=descriptor != _STDOUT or file.isatty(),
        write_through=stream is not None and stream.write_through,
    )


def _occupy_closed_descriptors() -> None:
    """Open what was closed (`>&-`): otherwise the next file opened, such as the database, would become stdout."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_STAND_INS.get(character, "?") for character in text), error.end
