"""A scenario's load cut into rounds: all of them together are the whole."""

import itertools
import math
from collections.abc import Iterable

import pytest

from loadtasks.engine.profiles.pacer import pacer_of
from loadtasks.engine.profiles.rounds import Rounds, rounds_of
from loadtasks.engine.profiles.worker_schedule import WorkerSchedule, schedules_of
from loadtasks.scenarios.load import (
    BroadcastLoad,
    ClosedLoad,
    ConnectionsLoad,
    HttpLoad,
    OpenLoad,
    Stage,
    StagesLoad,
    WorkerStage,
    WorkerStagesLoad,
    profile_duration_s,
)
from loadtasks.scenarios.model import (
    BroadcastScenario,
    ConnectionsScenario,
    Event,
    HttpScenario,
    PartScenario,
    Publish,
    Request,
)


def thing(load: HttpLoad) -> HttpScenario:
    return HttpScenario(name="thing.test", endpoint="thing", requests=(Request(path="/thing"),), load=load)


def broadcast(load: BroadcastLoad) -> BroadcastScenario:
    publish = Publish(request=Request(method="POST", path="/thing"), id="id")
    return BroadcastScenario(
        name="thing.test", endpoint="thing", path="/events", load=load, publish=publish, event=Event(id="id")
    )


OPEN = {
    "constant": OpenLoad(rate=70.0, duration_s=3),
    "poisson": OpenLoad(rate=70.0, duration_s=3, arrivals="poisson", seed=5),
    "stages": StagesLoad(start_rate=1, stages=(Stage(rate=90.0, duration_s=2), Stage(rate=0.0, duration_s=2))),
    "slow": OpenLoad(rate=0.5, duration_s=100),
}


def worked_s(schedules: Iterable[WorkerSchedule]) -> float:
    return math.fsum(stop_s - start_s for schedule in schedules for start_s, stop_s in schedule.spans)


@pytest.mark.parametrize("load", OPEN.values(), ids=OPEN)
def test_the_windows_of_an_open_load_hold_each_due_time_once(load: OpenLoad | StagesLoad) -> None:
    rounds, whole = rounds_of(thing(load)), pacer_of(load)
    due_s = []
    for number in range(rounds.number):
        window = rounds.pacer(whole, number)
        within = [window.due_s(n) for n in range(window.count)]
        assert window.due_s(window.count) is None
        due_s += [rounds.span(number).start_s + time_s for time_s in within if time_s is not None]
    assert due_s == pytest.approx([whole.due_s(n) for n in range(whole.count)])
    assert rounds.number > 1


def test_past_its_end_the_profile_begins_again() -> None:
    rounds, whole = rounds_of(thing(OPEN["poisson"])), pacer_of(OPEN["poisson"])
    first, again = (rounds.pacer(whole, number) for number in (1, rounds.number + 1))
    assert [first.due_s(n) for n in range(first.count)] == [again.due_s(n) for n in range(again.count)]


def test_the_windows_of_a_ramp_of_workers_hold_all_of_their_work() -> None:
    load = WorkerStagesLoad(stages=(WorkerStage(workers=4, duration_s=2), WorkerStage(workers=1, duration_s=3)))
    rounds = rounds_of(thing(load))
    schedules = itertools.chain(*(rounds.schedules(load, number) for number in range(rounds.number)))
    assert worked_s(schedules) == pytest.approx(worked_s(schedules_of(load)))
    assert rounds.number > 1


@pytest.mark.parametrize(
    ("part", "rounds"),
    [
        (thing(ClosedLoad(workers=10, requests=100)), Rounds(3, requests=40)),
        (thing(ClosedLoad(workers=1, requests=20)), Rounds(1, requests=20)),
        (thing(ClosedLoad(workers=1, requests=1_000)), Rounds(50, requests=20)),
        (thing(ClosedLoad(workers=50, requests=1_000)), Rounds(5, requests=200)),
        (thing(ClosedLoad(workers=5, duration_s=10)), Rounds(40, width_s=0.25)),
        (thing(ClosedLoad(workers=5, duration_s=300)), Rounds(40, width_s=7.5)),
        (thing(ClosedLoad(workers=5, duration_s=0.2)), Rounds(1, width_s=0.2)),
        (thing(OpenLoad(rate=2, duration_s=60)), Rounds(6, width_s=10.0)),
        (broadcast(BroadcastLoad(listeners=20, events=50, rate=25)), Rounds(8, width_s=0.25)),
    ],
)
def test_a_round_is_a_small_load(part: PartScenario, rounds: Rounds) -> None:
    assert rounds_of(part) == rounds


def test_connections_are_opened_all_at_once_in_each_round() -> None:
    load = ConnectionsLoad(connections=5_000)
    assert rounds_of(ConnectionsScenario(name="a.b", endpoint="a", path="/", load=load)) == Rounds(1)


@pytest.mark.parametrize(
    "part",
    [
        *(thing(load) for load in OPEN.values()),
        thing(ClosedLoad(workers=2, duration_s=3.0)),
        broadcast(BroadcastLoad(listeners=2, rate=10.0, duration_s=3.0)),
    ],
)
def test_the_rounds_of_a_load_that_time_ends_last_as_long_as_it_does(part: PartScenario) -> None:
    cut = rounds_of(part)
    lasts_s = [cut.slice_of(part, number).lasts_s or math.nan for number in range(cut.number)]
    assert sum(lasts_s) == pytest.approx(profile_duration_s(part.load))


def test_a_round_that_a_number_of_requests_ends_lasts_as_long_as_it_takes() -> None:
    part = thing(ClosedLoad(workers=2, requests=100))
    assert rounds_of(part).slice_of(part, 0).lasts_s is None
