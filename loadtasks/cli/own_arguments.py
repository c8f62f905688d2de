"""Passwords in this process' own arguments, hidden from the list of processes, which everybody on the machine may read.

Linux shows the arguments as they stand in the process' memory, where it began with them. Python has read them by then,
so they can be overwritten there. This comes before everything else, since imports take a second; it needs nothing that
would have to be imported first.
"""

import re
import sys

_STAT, _MEMORY = "/proc/self/stat", "/proc/self/mem"
_START, _END = 45, 46
"""Fields of /proc/self/stat after the name of the process: `arg_start` and `arg_end` (proc_pid_stat(5))."""
_ADDRESS = re.compile(rb"(?:--[a-z-]+=)?(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[^:@/]*:(?!//))?([^\0]*)@[^@\0]*", re.DOTALL)
"""An argument that may be an address with user and password; the group is the password, or the user that is alone."""


def hide_passwords() -> None:
    """Overwrite what stands before the last @ of each argument by asterisks; where the system forbids that, not."""
    if not any("@" in argument for argument in sys.orig_argv):
        return
    try:
        with open(_STAT, "rb") as stat:
            fields = stat.read().rpartition(b") ")[2].split()
        start, end = int(fields[_START]), int(fields[_END])
        with open(_MEMORY, "r+b", buffering=0) as memory:
            memory.seek(start)
            written = memory.read(end - start)
            memory.seek(start)
            memory.write(without_passwords(written))
    except (OSError, ValueError, IndexError):
        return


def without_passwords(arguments: bytes) -> bytes:
    """Arguments, separated by zero bytes, whose passwords are asterisks; as long as before."""
    return b"\0".join(map(_hidden, arguments.split(b"\0")))


def _hidden(argument: bytes) -> bytes:
    found = _ADDRESS.fullmatch(argument)
    if found is None:
        return argument
    start, end = found.span(1)
    return argument[:start] + b"*" * (end - start) + argument[end:]
