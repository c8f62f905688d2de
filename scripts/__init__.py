"""What the Makefile calls: one whole run, Airflow on one machine, and the processes that they start."""

import signal
import sys
from pathlib import Path
from types import FrameType

PROJECT = Path(__file__).resolve().parent.parent


class CannotStartError(Exception):
    """Something has to be done first; the message is one sentence that says what."""


class Interruption:
    """Ctrl-C, SIGTERM or a closed terminal: raises KeyboardInterrupt, and remembers that it did.

    An exception alone could get lost. Where the interpreter can't raise one, as amid a garbage collection, it goes on
    (and would print a traceback of it); and Airflow takes an interrupt within a task for a failure of that task.
    """

    def __init__(self) -> None:
        self.requested = False

    def install(self) -> None:
        """Handle the signals of this process, also when a shell started it with SIGINT ignored."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.raise_interrupt)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
            signal.signal(signal.SIGHUP, self.raise_interrupt)
        sys.unraisablehook = self._print_unraisable

    def raise_interrupt(self, _number: int, _frame: FrameType | None) -> None:
        """The signal handler.

        Raises:
            KeyboardInterrupt: always.
        """
        self.requested = True
        self.check()

    def _print_unraisable(self, unraisable: "sys.UnraisableHookArgs") -> None:
        """Print what can't be raised, as Python does, but for the interrupt itself: `check` raises it again."""
        if not (self.requested and isinstance(unraisable.exc_value, KeyboardInterrupt)):
            sys.__unraisablehook__(unraisable)

    def check(self) -> None:
        """Raise KeyboardInterrupt once a signal has come."""
        if self.requested:
            raise KeyboardInterrupt
