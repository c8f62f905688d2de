"""What ends a run early: Ctrl-C, SIGTERM (a CI job is cancelled, a container stopped), SIGHUP (a terminal is closed).

While something is measured each of them is a KeyboardInterrupt, after which what was measured before is judged and
reported. While that is done the first one is noted, and the next one ends the process at once.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SAME_WITHIN_S = 0.5
"""`timeout` and shells send a signal to a process and to its group, so that it may come twice and mean one thing. A
closed terminal's does for as long as its shell takes, which is why SIGHUP never counts as the second."""
_AGAIN_AFTER_S = 0.01


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP do within the block what Ctrl-C does; one that is ignored, as under `nohup`, stays so.

    Signals can be handled in the main thread only; elsewhere this does nothing.
    """
    if not _is_main_thread():
        yield
        return
    # Airflow leaves Ctrl-C of a task to the system. asyncio handles it only where it is Python's; else the interrupt
    # would be raised amid a callback of the event loop, which takes it for an error of one connection and goes on.
    left_to_system = signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    with (
        _handling((signal.SIGTERM, signal.SIGHUP), _interrupt),
        _handling((signal.SIGINT,) if left_to_system else (), signal.default_int_handler),
        _lost_interrupts_raised_again(),
    ):
        yield


@contextmanager
def concluding(on_signal: Callable[[], None] | None = None) -> Iterator[None]:
    """Let what was measured be concluded within the block, in spite of a signal; the next one ends the process at once.

    Args:
        on_signal: called at the first signal, to say so; None where a signal came before, so that the next one ends it.
    """
    first_s = None if on_signal is not None else time.monotonic()

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal first_s
        if first_s is None:
            first_s = time.monotonic()
            if on_signal is not None:
                on_signal()
        elif number != signal.SIGHUP and time.monotonic() - first_s > _SAME_WITHIN_S:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    with _handling(_ENDING, handle):
        yield


def ignore_signals() -> None:
    """Let none of these signals change how this process ends; for one that has nothing left to do.

    Neither those that came before: where a KeyboardInterrupt was raised amid code that Python compiled from text, as a
    dataclass's is, Python ends as if by SIGINT whatever exit code it was given (bpo-1054041). It does so by a flag,
    which the next code from text clears.
    """
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    exec("")  # noqa: S102 - of no text


def _interrupt(_number: int, frame: FrameType | None) -> None:
    """Do what Ctrl-C does at this moment: asyncio, for instance, cancels what runs rather than raise amid a callback.

    Raises:
        KeyboardInterrupt: where nothing else was set up for Ctrl-C.
    """
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


@contextmanager
def _lost_interrupts_raised_again() -> Iterator[None]:
    """Raise an interrupt again that came amid a finalizer or a callback of the collector, where Python drops it."""
    before = sys.unraisablehook

    def raise_again(dropped: "sys.UnraisableHookArgs") -> None:
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            before(dropped)
        elif callable(signal.getsignal(signal.SIGTERM)):
            # Not here and now: what is raised in this hook is dropped as well.
            threading.Timer(_AGAIN_AFTER_S, os.kill, (os.getpid(), signal.SIGTERM)).start()

    sys.unraisablehook = raise_again
    try:
        yield
    finally:
        sys.unraisablehook = before


@contextmanager
def _handling(numbers: tuple[signal.Signals, ...], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if not _is_main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in numbers}
    handled = [number for number in numbers if before[number] is not signal.SIG_IGN]
    for number in handled:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, before[number] or signal.SIG_DFL)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
