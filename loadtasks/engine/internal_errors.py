"""Mistakes of the engine itself: recorded as `internal_error`, apart from what the target failed; none is lost.

An exception in a callback doesn't reach anybody by itself: the event loop takes it, and whoever waits for the work of
that callback would wait for ever. So there are two guards. A response or message on which a callback fails becomes a
failure of its own, and the load goes on (`internal_failure`, in the connections). Whatever else fails on the event loop
ends the load: a timer, a sweep, or the book-keeping after a response (`LoopGuard`).
"""

import asyncio
import traceback
from collections.abc import Coroutine
from pathlib import PurePath
from typing import Any

from loadtasks.breakage import brief
from loadtasks.engine.recording.failure import RequestFailure
from loadtasks.measurement.errors import ErrorCode

_WHOSE = "loadtasks"


def internal_failure(error: BaseException) -> RequestFailure:
    """The failure of the engine that an exception is: its type, its text, and the line of this package that failed."""
    lines = [(frame.f_code.co_filename, number) for frame, number in traceback.walk_tb(error.__traceback__)]
    own = [(path, number) for path, number in lines if _WHOSE in PurePath(path).parts]
    path, number = (own or lines or [("an unknown file", 0)])[-1]
    return RequestFailure(ErrorCode.INTERNAL_ERROR, f"{brief(error)} ({PurePath(path).name}, line {number})")


def surface(error: BaseException) -> None:
    """Give an exception that nobody waits for to the `LoopGuard` of the running loop."""
    asyncio.get_running_loop().call_exception_handler({"message": "an internal error", "exception": error})


def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start work that nobody waits for; an exception that it raises is surfaced."""
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(_surface_failed)
    return task


def _surface_failed(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        surface(error)


class LoopGuard:
    """Takes what fails on the running event loop without anybody waiting for it, and ends the load at the first one."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._broken: asyncio.Future[RequestFailure] = loop.create_future()
        loop.set_exception_handler(self._take)

    @property
    def failure(self) -> RequestFailure | None:
        """What failed first; None while nothing has.

        Raises:
            KeyboardInterrupt: one came amid a callback, from where the loop takes it like any other exception.
        """
        return self._broken.result() if self._broken.done() else None

    async def run(self, work: Coroutine[Any, Any, Any]) -> None:
        """Wait for work, and give it up as soon as something fails on the loop.

        Raises:
            Exception: what the work itself raised.
            KeyboardInterrupt: one came amid a callback.
        """
        task = asyncio.get_running_loop().create_task(work)
        try:
            await asyncio.wait([task, self._broken], return_when=asyncio.FIRST_COMPLETED)
        finally:
            task.cancel()
        if self._broken.done():
            await asyncio.wait([task])
            self._broken.result()
        if not task.cancelled():
            task.result()

    def _take(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        of_network = isinstance(error, OSError) and "transport" in context  # the connection's own, which its end shows
        if error is None or of_network or self._broken.done():
            return
        if isinstance(error, KeyboardInterrupt):
            self._broken.set_exception(error)
        else:
            self._broken.set_result(internal_failure(error))
