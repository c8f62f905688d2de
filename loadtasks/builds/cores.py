"""The cores that two builds share: they are never driven at once, so that neither takes them from the other.

Left to the system, each build would stay on the core where it happens to be placed, and whatever else is busy on that
core would look like a difference between the builds: two equal ones could differ by 5 % for a whole run.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from loadtasks.engine.generator.cpus import tied_to, usable_cpus
from loadtasks.errors import BadInputError

SHARED, ANY = "shared", "any"
_MAX_SHOWN = 100


def chosen_cores(text: str) -> list[int]:
    """The cores that somebody chose: `shared` (one, the last of several), `any`, or numbers as in `2,4-5`.

    Returns:
        Their numbers; empty where any will do.

    Raises:
        BadInputError: it is none of these, or this process may not use such a core.
    """
    if text == ANY:
        return []
    available = usable_cpus()
    if text == SHARED:
        return [max(available)] if len(available) > 1 else []
    refused = BadInputError(
        f"--cores {text[:_MAX_SHOWN]!r}: write {SHARED}, {ANY}, or numbers of cores such as 3 or 2,4-5."
    )
    if not re.fullmatch(r"\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*", text):
        raise refused
    numbers: set[int] = set()
    for piece in text.split(","):
        first, _, last = piece.partition("-")
        if int(last or first) < int(first):
            raise refused
        numbers.update(range(int(first), int(last or first) + 1))
    if not available:
        raise BadInputError(f"--cores {text}: this system pins no processes to cores; write {ANY}.")
    if missing := sorted(numbers - available):
        allowed = ", ".join(map(str, sorted(available)))
        raise BadInputError(f"--cores {text}: this process may not use core {missing[0]}, only {allowed}.")
    return sorted(numbers)


@contextmanager
def kept_off(cores: Sequence[int]) -> Iterator[None]:
    """Keep this thread, which generates the load, off the cores of the builds, where there are others."""
    others = usable_cpus() - set(cores) if cores else set()
    with tied_to(others) if others else nullcontext():
        yield
