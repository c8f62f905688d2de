"""Which runner drives which load."""

from collections.abc import Callable
from time import perf_counter

from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.load_slice import LoadSlice
from loadtasks.engine.profiles.pacer import DueTimes, pacer_of
from loadtasks.engine.profiles.worker_schedule import schedules_of
from loadtasks.engine.runners.base import Runner
from loadtasks.engine.runners.broadcast import BroadcastRunner
from loadtasks.engine.runners.closed import ClosedRunner
from loadtasks.engine.runners.connections import ConnectionsRunner
from loadtasks.engine.runners.open import OpenRunner
from loadtasks.engine.runners.request_source import RequestSource
from loadtasks.scenarios.load import ClosedProfile, OpenProfile
from loadtasks.scenarios.model import BroadcastScenario, ConnectionsScenario, HttpScenario


def runner_for(
    load_slice: LoadSlice,
    target: Target,
    *,
    start: Callable[[], float] = perf_counter,
    source: RequestSource | None = None,
) -> Runner:
    """The runner that drives a slice of a load.

    Args:
        load_slice: what is sent, and when.
        target: where it is sent.
        start: gives the time (of `time.perf_counter`) that an open load's due times count from, when it begins.
        source: the requests of an HTTP scenario; one is made where none is given.

    Raises:
        BadInputError: the target's certificates can't be verified with the CA bundle that the environment names.
        TypeError: no runner drives such a load.
    """
    match load_slice.part:
        case HttpScenario(load=ClosedProfile() as load) as part:
            source = source or RequestSource(part, target, numbers=load_slice.numbers)
            schedules = schedules_of(load) if load_slice.schedules is None else load_slice.schedules
            return ClosedRunner(part, load, source, schedules, load_slice.lasts_s)
        case HttpScenario(load=OpenProfile() as load) as part:
            source = source or RequestSource(part, target, numbers=load_slice.numbers)
            due_times = DueTimes(load_slice.pacer or pacer_of(load), start, load_slice.lasts_s)
            return OpenRunner(part, load, source, due_times)
        case BroadcastScenario(load=load) as part:
            lasts_s = load_slice.lasts_s or load.publishing.duration_s
            return BroadcastRunner(
                part, load, target, DueTimes(load_slice.pacer or pacer_of(load.publishing), lasts_s=lasts_s)
            )
        case ConnectionsScenario(load=load) as part:
            return ConnectionsRunner(part, load, target)
        case part:
            raise TypeError(f"{part.name}: no runner drives a load of {type(part.load).__name__}")
