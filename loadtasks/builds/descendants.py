"""The processes that descend from this one, and how they are ended. Standard library only.

On Linux this process becomes the one to which orphans among its descendants are handed over (a child subreaper), so
that a build that forks into the background, or starts children in other sessions and ends, leaves none behind. On other
systems a process that was orphaned is found by its process group alone.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PAUSE_S = 0.02
_MAX_KILL_S = 10.0
"""Seconds in which a killed process is waited for; one that hangs in the kernel ends when it can."""


def adopt_orphans() -> None:
    """Let orphans among the descendants become children of this process, where the system can do that."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Let the system kill this process when its parent ends, where it can do that; for a child before its command."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def reap() -> dict[int, int]:
    """Collect the children that have ended. Gives their exit codes by process id, negative for a signal."""
    ended = {}
    with suppress(ChildProcessError):
        while True:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                break
            ended[process] = os.waitstatus_to_exitcode(status)
    return ended


def descendants() -> set[int]:
    """The processes that descend from this one and have not ended."""
    children: dict[int, list[int]] = {}
    for process, parent in _parents().items():
        children.setdefault(parent, []).append(process)
    found: set[int] = set()
    waiting = [os.getpid()]
    while waiting:
        for child in children.get(waiting.pop(), []):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


def end_all(groups: set[int], grace_s: float) -> None:
    """End all descendants: ask them (SIGTERM), and kill those that are left after some seconds.

    Args:
        groups: process groups that are ended too, for systems on which an orphan is no descendant any more.
        grace_s: how long they may take to end by themselves.
    """
    deadline_s = time.monotonic() + grace_s
    _signal(signal.SIGTERM, groups)
    while _left(groups) and time.monotonic() < deadline_s:
        time.sleep(_PAUSE_S)
    deadline_s = time.monotonic() + _MAX_KILL_S
    while _left(groups) and time.monotonic() < deadline_s:  # again and again: one may fork amid this
        _signal(signal.SIGKILL, groups)
        time.sleep(_PAUSE_S / 10)


def _left(groups: set[int]) -> bool:
    reap()
    return bool(descendants()) or any(map(_is_alive, groups))


def _is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except PermissionError:
        return sys.platform != "darwin"  # there it also means that only a zombie is left
    except ProcessLookupError:
        return False
    return True


def _signal(number: signal.Signals, groups: set[int]) -> None:
    for process in descendants():
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, number)
    if number is signal.SIGKILL:
        for group in groups:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)


def _parents() -> dict[int, int]:
    """The parent of each process that has not ended, by process id."""
    if not Path("/proc/self/stat").exists():
        return _parents_by_ps()
    parents = {}
    for folder in os.scandir("/proc"):
        if folder.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                stat = Path(folder.path, "stat").read_bytes()
                state, parent, *_ = stat[stat.rindex(b")") + 2 :].split()
                if state not in (b"Z", b"X"):
                    parents[int(folder.name)] = int(parent)
    return parents


def _parents_by_ps() -> dict[int, int]:
    done = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=False)  # noqa: S607
    rows = [line.split() for line in done.stdout.splitlines()]
    return {int(row[0]): int(row[1]) for row in rows if len(row) > 2 and not row[2].startswith("Z")}  # noqa: PLR2004


def _prctl(option: int, value: int) -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
