"""One process of a load generator of several: `python -m loadtasks.engine.child FD`, started by `processes`.

FD is the number of its end of the pipe. What it says there: that it is prepared, its progress, at last what it
recorded, or the error that keeps it from its work.
"""

import asyncio
import os
import sys
import threading
import traceback
from concurrent.futures import Future
from multiprocessing.connection import Connection

from loadtasks.engine.alarm import alarm
from loadtasks.engine.generator import Work, generate
from loadtasks.engine.processes import Prepared, ProcessError
from loadtasks.errors import LoadTasksError


def main() -> None:
    """Do the work that comes through the pipe."""
    link = Connection(int(sys.argv[1]))
    work: Work = link.recv()
    start: Future[float] = Future()
    threading.Thread(target=_listen, args=(link, start), daemon=True).start()

    async def begin() -> float:
        link.send(Prepared())
        at = await asyncio.wrap_future(start)
        await _until(at)
        return at

    try:
        link.send(generate(work, link.send, begin))
    except LoadTasksError as error:
        link.send(error)
    except Exception as error:
        traceback.print_exc()
        process = f"process {work.number + 1} of {work.processes}"
        link.send(
            ProcessError(f"{process} of the load generator failed: {error!r}; nothing of this scenario was kept.")
        )


def _listen(link: Connection, start: "Future[float]") -> None:
    """Hear the start, then the end of the process that started this one, which ends this one at once."""
    try:
        start.set_result(link.recv())
        link.recv()
    except (EOFError, OSError):
        os._exit(1)  # a thread can end the process in no other way, and the event loop may be busy


async def _until(at: float) -> None:
    rung: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    clock = alarm(lambda: rung.set_result(None))
    clock.set(at)
    await rung
    clock.close()


if __name__ == "__main__":
    main()
