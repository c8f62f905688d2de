"""A timer on the event loop that is accurate to about 50 µs.

The loop's own timers are libuv's, which count whole milliseconds: at 1,000 requests a second each request would leave
late by up to its whole interval. Linux has timers that are files (timerfd_create(2)); the loop watches one as it
watches sockets. Python has them only from 3.13 on, hence ctypes. Elsewhere the loop's timer fires early, and the clock
is read at each turn of the loop until it is time.
"""

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Protocol

_CLOCK_MONOTONIC = 1
_TFD_TIMER_ABSTIME = 1
_EARLY_S = 0.001


class PreciseTimer(Protocol):
    """Fires once after a `set`, at a time of `time.perf_counter` or as soon after it as the loop is free."""

    def set(self, at: float) -> None:
        """Fire at this time, in place of an earlier setting. A time that is past fires at the loop's next turn."""

    def close(self) -> None:
        """Stop: the timer fires no more."""


def precise_timer(on_time: Callable[[], None]) -> PreciseTimer:
    """The most accurate timer that the system has, on the running loop; it calls `on_time` when it fires."""
    return TimerFile(on_time) if sys.platform == "linux" else LoopTimer(on_time)


class _Timespec(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("it_interval", _Timespec), ("it_value", _Timespec))


class TimerFile:
    """A timer that is a Linux timerfd; `time.perf_counter` has the same clock, CLOCK_MONOTONIC."""

    def __init__(self, on_time: Callable[[], None]) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._settime = libc.timerfd_settime
        self._file = libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._file < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._spec = _Itimerspec()
        self._value = self._spec.it_value
        self._reference = ctypes.byref(self._spec)
        self._on_time = on_time
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._file, self._fired)

    def set(self, at: float) -> None:
        """Fire at this time, in place of an earlier setting."""
        seconds = int(at)
        self._value.tv_sec = seconds
        # 0 and 0 would mean never.
        self._value.tv_nsec = int((at - seconds) * 1e9) or 1
        self._settime(self._file, _TFD_TIMER_ABSTIME, self._reference, None)

    def close(self) -> None:
        """Stop: the timer fires no more."""
        if self._file >= 0:
            self._loop.remove_reader(self._file)
            os.close(self._file)
            self._file = -1

    def _fired(self) -> None:
        try:
            os.read(self._file, 8)
        except BlockingIOError:
            return  # it was set anew after it had fired
        self._on_time()


class LoopTimer:
    """A timer made of the loop's own timer."""

    def __init__(self, on_time: Callable[[], None]) -> None:
        self._on_time = on_time
        self._loop = asyncio.get_running_loop()
        self._at = 0.0
        self._handle: asyncio.Handle | None = None

    def set(self, at: float) -> None:
        """Fire at this time, in place of an earlier setting."""
        self.close()
        self._at = at
        self._handle = self._loop.call_later(max(0.0, at - perf_counter() - _EARLY_S), self._woken)

    def close(self) -> None:
        """Stop: the timer fires no more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _woken(self) -> None:
        if perf_counter() < self._at:
            self._handle = self._loop.call_soon(self._woken)
        else:
            self._handle = None
            self._on_time()
