"""What a scenario would send, without sending anything."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from typing import Any, NamedTuple

import numpy as np

from loadtasks.engine.profiles.pacer import Pacer, due_before, pacer_of
from loadtasks.measurement.model import label_of
from loadtasks.scenarios.load import BroadcastLoad, ClosedLoad, ConnectionsLoad, Load, OpenProfile, WorkerStagesLoad
from loadtasks.scenarios.load_data import load_data
from loadtasks.scenarios.model import HttpScenario, Scenario, parts_of

_FIRST = 5
_WIDTHS_S = (1, 10, 60, 600, 3600)
_MAX_STEPS = 60
"""Lines of a table that people still read."""
_MAX_PIECES = 3600
"""Pieces of a load that are counted for such a table."""
_SLACK = 1e-9
"""How far binary fractions may be off."""


class PlanStep(NamedTuple):
    """A stretch of the load in which nothing changes; times are whole seconds after its start."""

    from_s: int
    to_s: int
    every_s: int
    """Length of the pieces that were counted."""
    number: int
    """Requests (or events) due, or the maximum of workers, in each piece of the stretch."""


@dataclass(frozen=True)
class Plan:
    """The plan of one scenario, or of one part of a mixed one."""

    name: str
    load: dict[str, Any]
    """The load as data, as a measurement keeps it."""
    expected: int | None
    """Requests, connections or deliveries in all; None where only time ends the load."""
    lasts_s: float | None = None
    """Until the last request is due, or the last worker stops; None where responses decide."""
    first_due_s: tuple[float, ...] = ()
    """When the first requests are due, or the first events of a broadcast; empty where responses decide."""
    due: tuple[PlanStep, ...] = ()
    """How many requests (or events) are due in each stretch; empty where responses decide."""
    workers: tuple[PlanStep, ...] = ()
    """The maximum of workers in each stretch of a ramp of workers; empty for other loads."""
    feeder: str | None = None
    """The feeder as a sentence; None where there is none."""


def plans(scenario: Scenario) -> Iterator[Plan]:
    """The plan of a scenario, or those of a mixed one's parts."""
    for name, part in parts_of(scenario).items():
        plan = _plan(label_of(scenario.name, name), load_data(part), part.load)
        feeder = part.feeder if isinstance(part, HttpScenario) else None
        yield plan if feeder is None else replace(plan, feeder=feeder.sentence())


def _plan(name: str, data: dict[str, Any], load: Load) -> Plan:
    match load:
        case OpenProfile():
            return _paced(name, data, pacer_of(load), per_due_time=1)
        case BroadcastLoad():
            return _paced(name, data, pacer_of(load.publishing), per_due_time=load.listeners)
        case WorkerStagesLoad():
            return Plan(name, data, None, load.duration_s, workers=_workers(load))
        case ClosedLoad():
            return Plan(name, data, load.requests, load.duration_s)
        case ConnectionsLoad():
            return Plan(name, data, load.connections)


def _paced(name: str, data: dict[str, Any], pacer: Pacer, per_due_time: int) -> Plan:
    due_s = [time_s for n in range(_FIRST) if (time_s := pacer.due_s(n)) is not None]
    last_s = pacer.due_s(pacer.count - 1) if pacer.count else None
    due = _steps((last_s or 0.0) + 1, lambda from_s, to_s: due_before(pacer, to_s) - due_before(pacer, from_s))
    return Plan(name, data, pacer.count * per_due_time, last_s, tuple(due_s), due if pacer.count else ())


def _workers(load: WorkerStagesLoad) -> tuple[PlanStep, ...]:
    times_s = [0.0, *accumulate(stage.duration_s for stage in load.stages)]
    workers = [load.start_workers, *(stage.workers for stage in load.stages)]

    def max_workers(from_s: float, to_s: float) -> int:
        turns = [number for time_s, number in zip(times_s, workers, strict=True) if from_s < time_s < to_s]
        ends = np.interp([from_s, to_s], times_s, workers).tolist()
        return math.ceil(max(*ends, *turns) - _SLACK)

    return _steps(math.ceil(load.duration_s), max_workers)


def _steps(lasts_s: float, number: Callable[[float, float], int]) -> tuple[PlanStep, ...]:
    """A load cut into pieces of equal width, the narrowest that makes few steps; equal neighbours are one step."""
    for width in _WIDTHS_S:
        if lasts_s / width > _MAX_PIECES and width != _WIDTHS_S[-1]:
            continue
        cut = [(from_s, number(from_s, from_s + width)) for from_s in range(0, int(lasts_s), width)]
        alike = [list(group) for _, group in groupby(cut, key=lambda piece: piece[1])]
        steps = tuple(PlanStep(group[0][0], group[-1][0] + width, width, group[0][1]) for group in alike)
        if len(steps) <= _MAX_STEPS:
            break
    return steps
