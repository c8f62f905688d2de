"""When the workers of closed loads work: the closed form of ramps, checked against the straight line."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from loadtasks.engine.profiles.worker_schedule import WorkerSchedule, schedules_of
from loadtasks.scenarios.load import ClosedLoad, WorkerStage, WorkerStagesLoad

STAGES = st.lists(st.tuples(st.integers(0, 12), st.floats(0.1, 20)), min_size=1, max_size=5)


def ramp(*stages: tuple[int, float], start: int = 0) -> WorkerStagesLoad:
    return WorkerStagesLoad(
        start_workers=start,
        stages=tuple(WorkerStage(workers=workers, duration_s=seconds) for workers, seconds in stages),
    )


def at_work(schedules: list[WorkerSchedule], at_s: float) -> int:
    return sum(any(span.start_s <= at_s < span.stop_s for span in schedule.spans) for schedule in schedules)


def line(start: int, stages: list[tuple[int, float]], at_s: float) -> float:
    """How many workers there are on the ramp's straight lines at a time; not a whole number."""
    before = start
    for workers, seconds in stages:
        if at_s < seconds:
            return before + (workers - before) * at_s / seconds
        before, at_s = workers, at_s - seconds
    return 0.0


@given(start=st.integers(0, 12), stages=STAGES, part=st.floats(0, 1, exclude_max=True))
def test_as_many_work_as_the_line_has_reached(start: int, stages: list[tuple[int, float]], part: float) -> None:
    if not any((start, *(workers for workers, _ in stages))):
        return
    at_s = part * sum(seconds for _, seconds in stages)
    expected = line(start, stages, at_s)
    if abs(expected - round(expected)) > 1e-6:  # where the line crosses a number, rounding decides
        assert at_work(schedules_of(ramp(*stages, start=start)), at_s) == math.ceil(expected)


@given(start=st.integers(0, 12), stages=STAGES)
def test_spans_are_in_order_apart_and_within_the_load(start: int, stages: list[tuple[int, float]]) -> None:
    if not any((start, *(workers for workers, _ in stages))):
        return
    load = ramp(*stages, start=start)
    schedules = schedules_of(load)
    assert [schedule.worker for schedule in schedules] == list(range(load.max_workers))
    for schedule in schedules:
        times = [time_s for span in schedule.spans for time_s in span]
        assert times
        assert all(earlier < later for earlier, later in pairwise(times))
        assert times[0] >= 0
        assert times[-1] <= load.duration_s + 1e-9


def test_a_ramp_up_and_down_in_numbers() -> None:
    schedules = schedules_of(ramp((4, 8), (4, 10), (0, 4)))
    assert [schedule.spans for schedule in schedules] == [((0, 22),), ((2, 21),), ((4, 20),), ((6, 19),)]
    again = schedules_of(ramp((0, 1), (0, 1), (2, 1), start=2))
    assert [schedule.spans for schedule in again] == [((0, 1), (2, 3)), ((0, 0.5), (2.5, 3))]
    touched = schedules_of(ramp((0, 1), (2, 1), start=2))
    assert [schedule.spans for schedule in touched] == [((0, 2),), ((0, 0.5), (1.5, 2))]


def test_a_constant_load_is_one_span_for_each_worker() -> None:
    assert schedules_of(ClosedLoad(workers=2, duration_s=5)) == [
        WorkerSchedule(0, ((0, 5),)),
        WorkerSchedule(1, ((0, 5),)),
    ]
    assert schedules_of(ClosedLoad(workers=1, requests=9, max_duration_s=7)) == [WorkerSchedule(0, ((0, 7),))]
