"""When each worker of a closed load works, computed from the profile alone.

A ramp goes from a workers to b in T seconds in a straight line. Worker n (from 0) works while the line is above n, so
that as many work as the line has reached, rounded up; it starts, or stops, where the line crosses n:

    t(n) = T (n - a) / (b - a)
"""

from typing import NamedTuple

from loadtasks.scenarios.load import AnyClosedLoad, WorkerStagesLoad


class Span(NamedTuple):
    """Seconds after the load's start."""

    start_s: float
    stop_s: float


class WorkerSchedule(NamedTuple):
    """When one worker works: no request of its own begins outside of these spans."""

    worker: int
    """Its number among all, from 0."""
    spans: tuple[Span, ...]


def schedules_of(load: AnyClosedLoad) -> list[WorkerSchedule]:
    """The schedule of every worker of a load, by worker number."""
    if isinstance(load, WorkerStagesLoad):
        return [WorkerSchedule(worker, _spans(load, worker)) for worker in range(load.max_workers)]
    whole = Span(0.0, load.duration_s or load.max_duration_s)
    return [WorkerSchedule(worker, (whole,)) for worker in range(load.workers)]


def _spans(load: WorkerStagesLoad, worker: int) -> tuple[Span, ...]:
    spans: list[Span] = []
    began_s, before = 0.0, load.start_workers
    for stage in load.stages:
        ended_s = began_s + stage.duration_s
        above_before, above_after = before > worker, stage.workers > worker
        if above_before or above_after:
            crossing_s = began_s + stage.duration_s * _crossing(before, stage.workers, worker)
            start_s = began_s if above_before else crossing_s
            stop_s = ended_s if above_after else crossing_s
            if spans and spans[-1].stop_s == start_s:
                start_s = spans.pop().start_s
            spans.append(Span(start_s, stop_s))
        began_s, before = ended_s, stage.workers
    return tuple(spans)


def _crossing(before: int, after: int, worker: int) -> float:
    """The share of a stage (0 to 1) at which its line crosses a worker's number; meaningless where it does not."""
    return (worker - before) / (after - before) if after != before else 0.0
