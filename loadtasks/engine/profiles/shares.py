"""A scenario shared out over processes, so that all of them together send exactly what one would.

Requests are dealt like cards. An open profile deals its n-th request to process n mod N, with the due time that the
whole profile gives it. A closed profile deals to its workers, and the workers to the processes: the n-th request is
worker n mod W's, so that every process has as many requests as its workers are worth, and all end at about one time.
What a process sends is told by its numbers alone: request n is the same whichever process sends it.

A broadcast is not shared: one process publishes and listens.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from loadtasks.engine.profiles.pacer import Pacer, pacer_of
from loadtasks.engine.profiles.worker_schedule import WorkerSchedule, shifts_of
from loadtasks.scenarios.load import (
    BroadcastLoad,
    ClosedLoad,
    ConnectionsLoad,
    HttpLoad,
    OpenLoad,
    StagesLoad,
    WorkerStagesLoad,
)
from loadtasks.scenarios.model import (
    BroadcastScenario,
    ConnectionsScenario,
    HttpScenario,
    PartScenario,
    Scenario,
    parts_of,
)


@dataclass(frozen=True)
class Share:
    """One process's share of what is dealt to `seats`: the seats `number`, `number + of`, ... are its own."""

    number: int
    of: int
    seats: int

    @property
    def own_seats(self) -> int:
        """How many seats are its own."""
        return len(range(self.number, self.seats, self.of))

    def size(self, dealt: int) -> int:
        """How many of so many that are dealt are its own."""
        rounds, rest = divmod(dealt, self.seats)
        return rounds * self.own_seats + len(range(self.number, rest, self.of))

    def nth(self, n: int) -> int:
        """The number, among all that are dealt, of its own n-th (both from 0)."""
        rounds, seat = divmod(n, self.own_seats)
        return rounds * self.seats + self.number + seat * self.of

    def numbers(self) -> Iterator[int]:
        """The numbers of all that are its own, ascending, without end."""
        return map(self.nth, count())


class SharedPacer:
    """The due times of one share of a profile."""

    def __init__(self, whole: Pacer, share: Share) -> None:
        self.count = share.size(whole.count)
        self._whole = whole
        self._share = share

    def due_s(self, n: int) -> float | None:
        """Seconds after the start of the whole profile at which the share's n-th request is due; None past its last."""
        return self._whole.due_s(self._share.nth(n))


def most_processes(scenario: Scenario) -> int:
    """Over how many processes a scenario can be shared so that each has something to do."""
    return max(_most_processes(part) for part in parts_of(scenario).values())


def _most_processes(part: PartScenario) -> int:
    match part.load:
        case ClosedLoad() as load:
            return min(load.workers, load.requests or load.workers)
        case WorkerStagesLoad() as load:
            return load.max_workers
        case OpenLoad() | StagesLoad() as load:
            return max(1, min(load.max_connections, pacer_of(load).count))
        case ConnectionsLoad() as load:
            return load.connections
        case BroadcastLoad():
            return 1


def share_of(part: PartScenario, number: int, processes: int) -> Share | None:
    """The share of process `number` (from 0); None where nothing is left for it."""
    of = min(processes, _most_processes(part))
    if number >= of:
        return None
    match part.load:
        case ClosedLoad() as load:
            return Share(number, of, load.workers)
        case WorkerStagesLoad() as load:
            return Share(number, of, load.max_workers)
        case _:
            return Share(number, of, of)


def shared(part: PartScenario, share: Share) -> PartScenario:
    """What one share has to send. When an open profile's is due, a `SharedPacer` says, and who works, `own_shifts`."""
    if share.of == 1:
        return part
    match part:
        case HttpScenario():
            warmup_requests = share.size(part.warmup_requests)
            return part.model_copy(update={"load": _shared_http(part.load, share), "warmup_requests": warmup_requests})
        case ConnectionsScenario():
            connections = share.size(part.load.connections)
            return part.model_copy(update={"load": part.load.model_copy(update={"connections": connections})})
        case BroadcastScenario():
            return part


def own_shifts(load: ClosedLoad | WorkerStagesLoad, share: Share) -> list[WorkerSchedule]:
    """The shifts of a closed profile's workers that are the share's own."""
    return shifts_of(load)[share.number :: share.of]


def _shared_http(load: HttpLoad, share: Share) -> HttpLoad:
    match load:
        case ClosedLoad(requests=int() as requests):
            return load.model_copy(update={"workers": share.own_seats, "requests": share.size(requests)})
        case OpenLoad() | StagesLoad():
            connections = len(range(share.number, load.max_connections, share.of))
            return load.scaled(1 / share.of).model_copy(update={"max_connections": connections})
        case _:
            return load
