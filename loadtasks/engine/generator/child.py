"""One process of a load generator of several: `python -m loadtasks.engine.generator.child FD`, started by `processes`.

FD is the number of its end of the pipe. What it sends there: that it is prepared, its progress, at last what it
recorded, or the error that keeps it from its work.
"""

import asyncio
import os
import signal
import sys
import threading
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection

from loadtasks.breakage import brief
from loadtasks.engine.generator.driver import Work, generate
from loadtasks.engine.generator.processes import KEPT, BrokenProcessError, Prepared
from loadtasks.engine.generator.progress import Progress
from loadtasks.engine.runners.precise_timer import precise_timer
from loadtasks.errors import LoadTasksError
from loadtasks.redaction.redactor import Redactor
from loadtasks.scenarios.secrets import secrets_of


def main() -> None:
    """Do the work that arrives through the pipe."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the starting process decides; a signal to all must not break this one
    link = Connection(int(sys.argv[1]))
    work: Work = link.recv()
    start: Future[float] = Future()
    threading.Thread(target=_listen, args=(link, start), daemon=True).start()
    sender = _Sender(link)

    async def begin() -> float:
        sender.send(Prepared())
        at = await asyncio.wrap_future(start)
        await _until(at)
        return at

    try:
        with Redactor(work.target.secrets | secrets_of(work.scenario)).in_errors():
            sender.send(generate(work, sender.send_progress, begin))
    except LoadTasksError as error:
        sender.send(error)
    except Exception as error:
        sentence = f"{work.process} of the load generator failed ({brief(error)}); {KEPT}"
        sender.send(BrokenProcessError(sentence, traceback.format_exc()))


class _Sender:
    """Sends from a thread of its own: the receiver may block, as on a slow terminal, and the event loop must not."""

    def __init__(self, link: Connection) -> None:
        self._link = link
        self._thread = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None
        self._held: Progress | None = None

    def send(self, message: object) -> None:
        """Send a message that must arrive, after the newest progress; returns when it is sent."""
        if self._held is not None:
            self._thread.submit(self._link.send, self._held)
        self._thread.submit(self._link.send, message).result()

    def send_progress(self, progress: Progress) -> None:
        """Send progress, or hold it back while an earlier one is still being sent."""
        self._held = progress
        if self._last is None or self._last.done():
            self._last = self._thread.submit(self._link.send, progress)
            self._held = None


def _listen(link: Connection, start: "Future[float]") -> None:
    """Receive the start time, then wait for the end of the starting process, which ends this one at once."""
    try:
        start.set_result(link.recv())
        link.recv()
    except (EOFError, OSError):
        os._exit(1)  # a thread can end the process in no other way, and the event loop may be busy


async def _until(at: float) -> None:
    reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    timer = precise_timer(lambda: reached.set_result(None))
    timer.set(at)
    await reached
    timer.close()


if __name__ == "__main__":
    main()
