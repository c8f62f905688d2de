"""What a scenario would send, without sending anything."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from typing import Any, NamedTuple

import numpy as np

from loadtasks.engine.profiles.pacer import Pacer, due_before, pacer_of
from loadtasks.scenarios.load import (
    BroadcastLoad,
    ClosedLoad,
    ConnectionsLoad,
    Load,
    OpenLoad,
    StagesLoad,
    WorkerStagesLoad,
)
from loadtasks.scenarios.load_data import load_data
from loadtasks.scenarios.model import HttpScenario, Scenario, parts_of

_FIRST = 5
_WIDTHS_S = (1, 10, 60, 600, 3600)
_MOST_STEPS = 60
"""Of a table that people still read."""
_MOST_PIECES = 3600
"""That are counted for it."""
_SLACK = 1e-9
"""What binary fractions may be off."""


class Step(NamedTuple):
    """A stretch of the load in which nothing changes; times are whole seconds after its start."""

    from_s: int
    to_s: int
    every_s: int
    number: int
    """In every so many seconds of the stretch."""


@dataclass(frozen=True)
class Plan:
    """The plan of one scenario, or of one part of a mixed one."""

    name: str
    load: dict[str, Any]
    """The load as data, as a measurement keeps it."""
    expected: int | None
    """Requests, connections or deliveries in all; None where only time ends the load."""
    lasts_s: float | None = None
    """Until the last request is due, or the last worker stops; None where the answers decide."""
    first_due_s: tuple[float, ...] = ()
    """When the first requests are due, or the first events of a broadcast; empty where the answers decide."""
    due: tuple[Step, ...] = ()
    """How many requests (or events) are due in each stretch; empty where the answers decide."""
    workers: tuple[Step, ...] = ()
    """How many workers there are at most in each stretch of a ramp of workers; empty for other loads."""
    feeder: str | None = None
    """The feeder in words; None where there is none."""


def plans(scenario: Scenario) -> Iterator[Plan]:
    """The plan of a scenario: of each part of a mixed one."""
    for kind, part in parts_of(scenario).items():
        plan = _plan(f"{scenario.name} ({kind})" if kind else scenario.name, load_data(part), part.load)
        feeder = part.feeder if isinstance(part, HttpScenario) else None
        yield plan if feeder is None else replace(plan, feeder=feeder.sentence())


def _plan(name: str, data: dict[str, Any], load: Load) -> Plan:
    match load:
        case OpenLoad() | StagesLoad():
            return _paced(name, data, pacer_of(load), each=1)
        case BroadcastLoad():
            return _paced(name, data, pacer_of(load.publishing), each=load.listeners)
        case WorkerStagesLoad():
            return Plan(name, data, None, load.duration_s, workers=_workers(load))
        case ClosedLoad():
            return Plan(name, data, load.requests, load.duration_s)
        case ConnectionsLoad():
            return Plan(name, data, load.connections)


def _paced(name: str, data: dict[str, Any], pacer: Pacer, each: int) -> Plan:
    due_s = [time_s for n in range(_FIRST) if (time_s := pacer.due_s(n)) is not None]
    last_s = pacer.due_s(pacer.count - 1) if pacer.count else None
    due = _steps((last_s or 0.0) + 1, lambda from_s, to_s: due_before(pacer, to_s) - due_before(pacer, from_s))
    return Plan(name, data, pacer.count * each, last_s, tuple(due_s), due if pacer.count else ())


def _workers(load: WorkerStagesLoad) -> tuple[Step, ...]:
    times_s = [0.0, *accumulate(stage.duration_s for stage in load.stages)]
    workers = [load.start_workers, *(stage.workers for stage in load.stages)]

    def most(from_s: float, to_s: float) -> int:
        turns = [each for time_s, each in zip(times_s, workers, strict=True) if from_s < time_s < to_s]
        ends = np.interp([from_s, to_s], times_s, workers).tolist()
        return math.ceil(max(*ends, *turns) - _SLACK)

    return _steps(math.ceil(load.duration_s), most)


def _steps(lasts_s: float, number: Callable[[float, float], int]) -> tuple[Step, ...]:
    """A load cut into pieces of one width, the narrowest that makes few steps; neighbours that are alike are one."""
    for width in _WIDTHS_S:
        if lasts_s / width > _MOST_PIECES and width != _WIDTHS_S[-1]:
            continue
        cut = [(from_s, number(from_s, from_s + width)) for from_s in range(0, int(lasts_s), width)]
        alike = [list(group) for _, group in groupby(cut, key=lambda each: each[1])]
        steps = tuple(Step(group[0][0], group[-1][0] + width, width, group[0][1]) for group in alike)
        if len(steps) <= _MOST_STEPS:
            break
    return steps
