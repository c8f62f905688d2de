"""A scenario shared by several processes, so that all of them together send exactly what one process would.

Requests are dealt like cards. An open profile deals its n-th request to process n mod N, with the due time that the
whole profile gives it. A closed profile deals requests to its workers, and workers to the processes: the n-th request
belongs to worker n mod W, so that each process has requests in proportion to its workers, and all processes end at
about the same time. Request n is the same, whichever process sends it.

A broadcast is not shared: one process publishes and listens.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from loadtasks.engine.profiles.load_slice import LoadSlice
from loadtasks.engine.profiles.pacer import Pacer, pacer_of
from loadtasks.engine.profiles.worker_schedule import schedules_of
from loadtasks.scenarios.load import (
    BroadcastLoad,
    ClosedLoad,
    ClosedProfile,
    ConnectionsLoad,
    HttpLoad,
    OpenProfile,
    WorkerStagesLoad,
)
from loadtasks.scenarios.model import (
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
    """The process, from 0."""
    of: int
    """How many processes share."""
    seats: int
    """How many players the requests are dealt to: the workers of a closed load, else the processes."""

    @property
    def own_seats(self) -> int:
        """How many seats are its own."""
        return len(range(self.number, self.seats, self.of))

    def size(self, dealt: int) -> int:
        """How many of `dealt` requests are its own."""
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


def max_processes(scenario: Scenario) -> int:
    """The largest number of processes that can share a scenario so that each of them has something to do."""
    return max(_max_processes(part) for part in parts_of(scenario).values())


def _max_processes(part: PartScenario) -> int:
    match part.load:
        case ClosedLoad() as load:
            return min(load.workers, load.requests or load.workers)
        case WorkerStagesLoad() as load:
            return load.max_workers
        case OpenProfile() as load:
            return max(1, min(load.max_connections, pacer_of(load).count))
        case ConnectionsLoad() as load:
            return load.connections
        case BroadcastLoad():
            return 1


def share_of(part: PartScenario, number: int, processes: int) -> Share | None:
    """The share of process `number` (from 0); None where nothing is left for it."""
    of = min(processes, _max_processes(part))
    if number >= of:
        return None
    match part.load:
        case ClosedLoad() as load:
            return Share(number, of, load.workers)
        case WorkerStagesLoad() as load:
            return Share(number, of, load.max_workers)
        case _:
            return Share(number, of, of)


def share_slice(part: PartScenario, share: Share) -> LoadSlice:
    """The slice of a part's load that one process drives."""
    match part:
        case HttpScenario(load=ClosedProfile() as load):
            schedules = schedules_of(load)[share.number :: share.of]
            return LoadSlice(_scaled_http(part, share), schedules=schedules, numbers=share.numbers)
        case HttpScenario(load=OpenProfile() as load):
            pacer = SharedPacer(pacer_of(load), share)
            return LoadSlice(_scaled_http(part, share), pacer=pacer, numbers=share.numbers)
        case ConnectionsScenario(load=load):
            connections = load.model_copy(update={"connections": share.size(load.connections)})
            return LoadSlice(part.model_copy(update={"load": connections}))
        case _:
            return LoadSlice(part)


def _scaled_http(part: HttpScenario, share: Share) -> HttpScenario:
    if share.of == 1:
        return part
    warmup_requests = share.size(part.warmup_requests)
    return part.model_copy(update={"load": _scaled(part.load, share), "warmup_requests": warmup_requests})


def _scaled(load: HttpLoad, share: Share) -> HttpLoad:
    match load:
        case ClosedLoad(requests=int() as requests):
            return load.model_copy(update={"workers": share.own_seats, "requests": share.size(requests)})
        case OpenProfile():
            connections = len(range(share.number, load.max_connections, share.of))
            return load.scaled(1 / share.of).model_copy(update={"max_connections": connections})
        case _:
            return load
