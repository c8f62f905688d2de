"""How many sockets this process may have open at the same time."""

import os
import resource

from loadtasks.errors import BadInputError

_OPEN_FILES = "/proc/self/fd"
_SPARE = 64
"""For other files that are opened meanwhile: a database, a log, a resolver's socket."""


def allow_sockets(count: int) -> None:
    """Make sure that `count` more sockets can be opened: the soft limit is raised to the hard one where it is too low.

    Without this, connections that this process couldn't open would count as failures of the target.

    Raises:
        BadInputError: the hard limit is too low.
    """
    needed = len(os.listdir(_OPEN_FILES)) + count + _SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _holds(soft, needed):
        return
    if not _holds(hard, needed):
        raise BadInputError(
            f"{count:,} connections at the same time need {needed:,} open files, and this process may have {hard:,} "
            "(ulimit -Hn): raise that limit, or give the scenario fewer of them."
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _holds(limit: int, needed: int) -> bool:
    return limit == resource.RLIM_INFINITY or limit >= needed
