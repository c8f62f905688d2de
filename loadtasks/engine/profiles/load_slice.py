"""The slice of a scenario's load that one runner drives: the share of one process, or one round of a paired run.

`shares` and `rounds` cut loads into slices; whoever drives a slice need not know how it was cut.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from loadtasks.engine.profiles.pacer import Pacer
from loadtasks.engine.profiles.worker_schedule import WorkerSchedule
from loadtasks.scenarios.model import PartScenario

Numbers = Callable[[], Iterator[int]]
"""The numbers (from 0) of the scenario's requests that a slice sends, ascending and from the first one at each call.
Several processes share a scenario by these numbers: request n is the same, whichever process sends it."""


@dataclass(frozen=True)
class LoadSlice:
    """What one runner sends, and when."""

    part: PartScenario
    """A scenario that isn't mixed, or one part of a mixed one; its load, connections and warm-up are the slice's."""
    pacer: Pacer | None = None
    """When requests (or events) are due; None where the load itself says it, or where responses decide."""
    schedules: Sequence[WorkerSchedule] | None = None
    """When the workers of a closed load work; None where the load itself says it, or where there are none."""
    numbers: Numbers = itertools.count
    lasts_s: float | None = None
    """How long the slice lasts; None where it is as long as the load's own profile."""
