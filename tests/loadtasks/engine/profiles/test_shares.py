"""What each process gets of a scenario: all together exactly the whole."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtasks.engine.profiles.pacer import pacer_of
from loadtasks.engine.profiles.shares import Share, SharedPacer, max_processes, share_of, share_slice
from loadtasks.engine.profiles.worker_schedule import schedules_of
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
)
from loadtasks.scenarios.model import (
    BroadcastScenario,
    ConnectionsScenario,
    Event,
    HttpScenario,
    MixedScenario,
    PartScenario,
    Publish,
    Request,
)

OPEN = {
    "constant": OpenLoad(rate=70.0, duration_s=3),
    "poisson": OpenLoad(rate=70.0, duration_s=3, arrivals="poisson", seed=5),
    "stages": StagesLoad(start_rate=1, stages=(Stage(rate=90.0, duration_s=2), Stage(rate=0.0, duration_s=2))),
}


def thing(load: HttpLoad, warmup_requests: int = 10) -> HttpScenario:
    return HttpScenario(
        name="thing.test", endpoint="thing", requests=(Request(path="/"),), load=load, warmup_requests=warmup_requests
    )


def shares(part: PartScenario, processes: int) -> list[Share]:
    found = [share_of(part, number, processes) for number in range(processes)]
    return [share for share in found if share is not None]


@given(dealt=st.integers(0, 500), seats=st.integers(1, 20), data=st.data())
def test_every_number_is_dealt_to_one_share_in_order(dealt: int, seats: int, data: st.DataObject) -> None:
    of = data.draw(st.integers(1, seats))
    hands = [[share.nth(n) for n in range(share.size(dealt))] for share in (Share(i, of, seats) for i in range(of))]
    assert sorted(number for hand in hands for number in hand) == list(range(dealt))
    assert all(hand == sorted(hand) for hand in hands)
    assert all(number % seats % of == owner for owner, hand in enumerate(hands) for number in hand)


@pytest.mark.parametrize("profile", OPEN)
@pytest.mark.parametrize("processes", [1, 2, 3, 7])
def test_due_times_of_all_shares_are_those_of_the_whole(profile: str, processes: int) -> None:
    whole = pacer_of(OPEN[profile])
    pacers = [SharedPacer(whole, share) for share in shares(thing(OPEN[profile]), processes)]
    assert len(pacers) == processes
    due = [pacer.due_s(n) for pacer in pacers for n in range(pacer.count)]
    assert sorted(map(str, due)) == sorted(str(whole.due_s(n)) for n in range(whole.count))
    assert [pacer.due_s(pacer.count) for pacer in pacers] == [None] * processes


@pytest.mark.parametrize("processes", [1, 2, 3, 4])
def test_workers_requests_warm_up_and_connections_are_shared_without_remainder(processes: int) -> None:
    closed = thing(ClosedLoad(workers=10, requests=101), warmup_requests=7)
    opened = thing(OpenLoad(rate=7.0, duration_s=9, max_connections=10), warmup_requests=7)
    sockets = ConnectionsScenario(name="w.c", endpoint="w", path="/w", load=ConnectionsLoad(connections=10))
    closed_parts = [share_slice(closed, share).part for share in shares(closed, processes)]
    open_parts = [share_slice(opened, share).part for share in shares(opened, processes)]
    assert sum(part.load.requests for part in closed_parts) == 101
    assert [part.load.workers for part in closed_parts] == [len(range(i, 10, processes)) for i in range(processes)]
    assert sum(part.load.max_connections for part in open_parts) == 10
    assert sum(part.load.rate for part in open_parts) == pytest.approx(7)
    for parts in (closed_parts, open_parts):
        assert sum(part.warmup_requests for part in parts) == 7
    assert sum(share_slice(sockets, share).part.load.connections for share in shares(sockets, processes)) == 10


def test_a_process_has_requests_as_its_workers_are_worth() -> None:
    scenario = thing(ClosedLoad(workers=10, requests=1000))
    parts = [share_slice(scenario, share).part for share in shares(scenario, 4)]
    assert [(part.load.workers, part.load.requests) for part in parts] == [(3, 300), (3, 300), (2, 200), (2, 200)]


@pytest.mark.parametrize(
    "load",
    [
        ClosedLoad(workers=5, duration_s=3),
        WorkerStagesLoad(stages=(WorkerStage(workers=5, duration_s=2), WorkerStage(workers=2, duration_s=1))),
    ],
)
def test_every_worker_keeps_its_schedule_in_one_process(load: ClosedLoad | WorkerStagesLoad) -> None:
    slices = [share_slice(thing(load), share) for share in shares(thing(load), 3)]
    assert sorted(itertools.chain(*(load_slice.schedules or () for load_slice in slices))) == schedules_of(load)


def test_no_more_processes_than_there_is_to_share() -> None:
    broadcast = BroadcastScenario(
        name="b.b",
        endpoint="b",
        path="/b",
        load=BroadcastLoad(listeners=50, events=5, rate=10.0),
        publish=Publish(request=Request(path="/p", method="POST"), id="id"),
        event=Event(id="id"),
    )
    parts = {
        "workers": thing(ClosedLoad(workers=2, requests=50)),
        "requests": thing(ClosedLoad(workers=50, requests=3)),
        "due": thing(OpenLoad(rate=4.0, duration_s=1)),
        "connections": thing(OpenLoad(rate=400.0, duration_s=1, max_connections=5)),
        "broadcast": broadcast,
    }
    mixed = MixedScenario(name="m.m", endpoint="m", parts=parts)
    assert {kind: max_processes(part) for kind, part in parts.items()} == {
        "workers": 2,
        "requests": 3,
        "due": 4,
        "connections": 5,
        "broadcast": 1,
    }
    assert max_processes(mixed) == 5
    assert {kind: len(shares(part, 4)) for kind, part in parts.items()} == {
        "workers": 2,
        "requests": 3,
        "due": 4,
        "connections": 4,
        "broadcast": 1,
    }
