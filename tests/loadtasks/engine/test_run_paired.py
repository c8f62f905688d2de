"""Rounds against a candidate and its reference: both get the same, one after the other, each as often first."""

import itertools
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

from loadtasks.engine.generator.progress import Progress
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.round_ratios import RoundRatios
from loadtasks.engine.run_paired import (
    MoreRounds,
    PairedMeasurements,
    PairedRun,
    RoundPlan,
    TargetPair,
    orders,
    run_paired,
)
from loadtasks.measurement.metrics import REFERENCE_METRICS
from loadtasks.scenarios.load import BroadcastLoad, ClosedLoad, ConnectionsLoad, HttpLoad, OpenLoad
from loadtasks.scenarios.model import (
    BroadcastScenario,
    ConnectionsScenario,
    Event,
    HttpScenario,
    MixedScenario,
    PartScenario,
    Publish,
    Request,
    Scenario,
)
from tests.loadtasks.engine.websocket.fanout import Fanout, in_thread
from tests.servers import ScriptedServer, ok, scripted

CANDIDATE, REFERENCE = "candidate", "reference"
THINGS = tuple(Request(method="PUT", path="/thing", json={"n": n}) for n in range(7))


def thing(load: HttpLoad, warmup_requests: int = 0, requests: tuple[Request, ...] = THINGS) -> HttpScenario:
    return HttpScenario(
        name="thing.test", endpoint="thing", requests=requests, load=load, warmup_requests=warmup_requests
    )


@dataclass
class Log:
    """Who got which body when, over both servers."""

    seen: list[tuple[str, bytes]] = field(default_factory=list)
    begins: dict[str, list[bytes]] = field(default_factory=lambda: {CANDIDATE: [], REFERENCE: []})
    """The first body over each connection; a round has its own."""
    under_way: set[str] = field(default_factory=set)
    together: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, name: str) -> list[bytes]:
        return [body for who, body in self.seen if who == name]


@dataclass
class Build:
    """One of the two servers."""

    name: str
    log: Log
    delay_s: float = 0.0
    dies_after: float = math.inf
    """So many requests; from then on it answers nothing, and is not well either."""
    connections: set[socket.socket] = field(default_factory=set)

    def __call__(self, connection: socket.socket, request: bytes) -> bool:
        head, _, body = request.partition(b"\r\n\r\n")
        if self.dies_after <= 0:
            return False
        if head.startswith(b"PUT"):
            self.dies_after -= 1
            with self.log.lock:
                self.log.seen.append((self.name, body))
                if connection not in self.connections:
                    self.connections.add(connection)
                    self.log.begins[self.name].append(body)
                self.log.together |= bool(self.log.under_way - {self.name})
                self.log.under_way.add(self.name)
            time.sleep(self.delay_s)
            with self.log.lock:
                self.log.under_way.discard(self.name)
        connection.sendall(ok())
        return True


@contextmanager
def both(**changes: dict[str, float]) -> Iterator[tuple[Log, ScriptedServer, ScriptedServer]]:
    log = Log()
    builds = [Build(name, log, **changes.get(name, {})) for name in (CANDIDATE, REFERENCE)]
    with scripted(builds[0]) as candidate, scripted(builds[1]) as reference:
        yield log, candidate, reference


def rounds(number: int) -> MoreRounds:
    return lambda pairs: number - len(pairs[0].saturated)


def pair(
    scenario: Scenario, candidate: str, reference: str, more: MoreRounds, tell: Callable[[Progress], None] | None = None
) -> PairedMeasurements:
    target = Target(candidate)
    targets = TargetPair(target, target.reference(reference, None))
    return run_paired(scenario, targets, RoundPlan(more, "a run"), tell)


def test_both_get_the_same_requests_in_the_same_order() -> None:
    with both() as (log, candidate, reference):
        pair(thing(ClosedLoad(workers=1, requests=10)), candidate.url, reference.url, rounds(4))
    assert log.of(CANDIDATE) == log.of(REFERENCE)
    bodies = itertools.islice(itertools.cycle(range(7)), 40)
    assert log.of(CANDIDATE) == [b'{"n": %d}' % n for n in bodies], "a round goes on where the last one ended"


def test_only_the_first_round_is_warmed_up_by_all_that_the_scenario_says() -> None:
    with both() as (log, candidate, reference):
        pair(thing(ClosedLoad(workers=2, requests=5), warmup_requests=9), candidate.url, reference.url, rounds(3))
    assert len(log.of(CANDIDATE)) == len(log.of(REFERENCE)) == (9 + 5) + (4 + 5) + (4 + 5)


def test_each_is_driven_alone_in_the_order_that_is_kept() -> None:
    with both() as (log, candidate, reference):
        paired = pair(thing(ClosedLoad(workers=2, requests=5)), candidate.url, reference.url, rounds(6))
    halves = [{who for who, _ in log.seen[at : at + 5]} for at in range(0, len(log.seen), 5)]
    order = [
        ({CANDIDATE}, {REFERENCE}) if first else ({REFERENCE}, {CANDIDATE})
        for first in paired.round_ratios[0].candidate_first
    ]
    assert halves == list(itertools.chain(*order))
    assert not log.together


def test_order_is_balanced_drawn_and_the_same_for_the_same_seed() -> None:
    drawn = {seed: list(itertools.islice(orders(seed), 40)) for seed in ("a", "b")}
    assert drawn["a"] == list(itertools.islice(orders("a"), 40)) != drawn["b"]
    for order in drawn.values():
        assert all(order[at] is not order[at + 1] for at in range(0, 40, 2))
        assert len({order[at] for at in range(0, 40, 2)}) == 2, "else one is first in every other round"


def test_in_rounds_that_time_ends_both_begin_with_the_same_request() -> None:
    with both(reference={"delay_s": 0.02}) as (log, candidate, reference):
        pair(thing(ClosedLoad(workers=1, duration_s=0.1)), candidate.url, reference.url, rounds(4))
    assert len(log.begins[CANDIDATE]) == 4
    assert log.begins[CANDIDATE] == log.begins[REFERENCE]
    assert len(log.of(CANDIDATE)) != len(log.of(REFERENCE)), "else it is no wonder"


def test_open_loads_are_due_as_often_on_both_sides() -> None:
    with both(candidate={"delay_s": 0.03}) as (log, candidate, reference):
        load = OpenLoad(rate=60.0, duration_s=1.0, arrivals="poisson")
        paired = pair(thing(load), candidate.url, reference.url, rounds(2))
    assert sorted(log.of(CANDIDATE)) == sorted(log.of(REFERENCE))
    assert paired.candidate[0].counts.completed == paired.reference[0].counts.completed > 0


def test_a_slower_candidate_shows_in_the_ratios_of_its_rounds() -> None:
    with both(candidate={"delay_s": 0.05}) as (_, candidate, reference):
        load = ClosedLoad(workers=2, requests=4)
        paired = pair(thing(load, warmup_requests=1), candidate.url, reference.url, rounds(4))
    (pairs,) = paired.round_ratios
    assert pairs.requests == [4] * 4
    assert set(pairs.log_ratios) == set(REFERENCE_METRICS)
    # The median: a machine that stops for a moment slows one round of the reference, too.
    assert median(ratio for ratio in pairs.log_ratios["p50_s"] if ratio is not None) > 1
    assert median(ratio for ratio in pairs.log_ratios["throughput_per_s"] if ratio is not None) < -1
    assert None not in pairs.log_ratios["p50_s"] + pairs.log_ratios["throughput_per_s"]
    assert pairs.log_ratios["success_rate"] == [0.0] * 4
    measured, reference_measured = paired.candidate[0], paired.reference[0]
    assert (measured.counts.completed, reference_measured.counts.completed) == (16, 16)
    assert measured.load == reference_measured.load
    assert measured.load["paired"] is True


def test_the_time_of_one_is_not_the_others() -> None:
    with both(reference={"delay_s": 0.2}) as (_, candidate, reference):
        paired = pair(thing(ClosedLoad(workers=1, requests=2)), candidate.url, reference.url, rounds(4))
    assert paired.reference[0].elapsed_s >= 1.6
    assert paired.candidate[0].elapsed_s < paired.reference[0].elapsed_s / 2
    assert max(exemplar.due_s for exemplar in paired.candidate[0].exemplars) <= paired.candidate[0].elapsed_s


def test_rounds_are_added_as_long_as_more_are_needed() -> None:
    driven: list[int] = []

    def inconclusive_twice(pairs: Sequence[RoundRatios]) -> int:
        driven.append(len(pairs[0].saturated))
        return 2 if len(driven) < 4 else 0

    reported: list[Progress] = []
    with both() as (_, candidate, reference):
        paired = pair(
            thing(ClosedLoad(workers=1, requests=2)), candidate.url, reference.url, inconclusive_twice, reported.append
        )
    assert driven == [0, 2, 4, 6]
    assert len(paired.round_ratios[0].candidate_first) == 6
    assert len(reported) == 6
    assert reported[-1].left_s == 0


def test_no_round_begins_when_the_time_is_over_and_there_are_enough() -> None:
    with both() as (_, candidate, reference):
        for load, number in ((ClosedLoad(workers=1, requests=2), 10), (ClosedLoad(workers=1, requests=500), 25)):
            targets = TargetPair(Target(candidate.url), Target(reference.url))
            paired = run_paired(thing(load), targets, RoundPlan(rounds(1000), seed="", max_duration_s=1e-9))
            assert len(paired.round_ratios[0].saturated) == number


def test_when_nothing_comes_back_the_time_ends_it_at_once() -> None:
    wrong = Request(method="PUT", path="/thing", checks={"status": 418})
    with both() as (_, candidate, reference):
        scenario = thing(ClosedLoad(workers=1, requests=2), requests=(wrong,))
        targets = TargetPair(Target(candidate.url), Target(reference.url))
        paired = run_paired(scenario, targets, RoundPlan(rounds(1000), seed="", max_duration_s=1e-9))
    assert len(paired.round_ratios[0].saturated) == 1


def test_a_reference_that_dies_takes_nothing_of_the_candidate_with_it() -> None:
    with both(reference={"dies_after": 250}) as (_, candidate, reference):
        load = ClosedLoad(workers=4, requests=400)
        paired = pair(thing(load), candidate.url, reference.url, rounds(30))
    assert paired.lost is not None
    assert paired.lost.startswith(f"reference {reference.url}: ")
    assert paired.reference == []
    assert paired.candidate[0].counts.completed == paired.candidate[0].counts.scheduled == 400


def test_a_candidate_that_dies_ends_it() -> None:
    with both(candidate={"dies_after": 10}) as (log, candidate, reference):
        paired = pair(thing(ClosedLoad(workers=1, requests=10)), candidate.url, reference.url, rounds(30))
    assert paired.lost is None
    assert paired.candidate[0].counts.completed == 10
    assert paired.candidate[0].counts.failed == 10
    assert len(log.of(REFERENCE)) <= 30


def test_every_kind_of_load_has_rounds_and_a_mixed_scenario_has_them_by_part() -> None:
    publish = Publish(request=Request(method="POST", path="/things"), id="id")
    event = Event(where={"type": "created"}, id="thing.id")
    common = {"name": "thing.test", "endpoint": "thing", "path": "/events"}
    parts: dict[str, PartScenario] = {
        "opened": ConnectionsScenario(load=ConnectionsLoad(connections=3), **common),
        "published": BroadcastScenario(
            load=BroadcastLoad(listeners=2, events=10, rate=100), publish=publish, event=event, **common
        ),
    }
    scenario = MixedScenario(name="mixed.test", endpoint="mixed", parts=parts)
    with in_thread(Fanout()) as candidate, in_thread(Fanout()) as reference:
        paired = pair(scenario, candidate, reference, rounds(2))
    names = ["", "opened", "published"]
    assert [ratios.part for ratios in paired.round_ratios] == names
    for side in (paired.candidate, paired.reference):
        assert [measurement.part for measurement in side] == names
        assert [measurement.counts.completed for measurement in side] == [46, 6, 40]
    for pairs in paired.round_ratios:
        assert all(ratio is not None for ratio in pairs.log_ratios["p50_s"])


def test_rounds_go_on_where_an_earlier_stretch_ended() -> None:
    scenario = thing(ClosedLoad(workers=1, requests=6), warmup_requests=3)
    with both() as (log, candidate, reference):
        target = Target(candidate.url)
        run = PairedRun(scenario, TargetPair(target, target.reference(reference.url, None)), "a run")
        run.drive(rounds(2))
        first = run.measured()
        run.drive(rounds(5))
        whole = run.measured()
    with both() as (at_once, candidate, reference):
        pair(scenario, candidate.url, reference.url, rounds(5))
    assert log.seen == at_once.seen, "the same requests in the same order as in one stretch"
    assert [measured.candidate[0].counts.completed for measured in (first, whole)] == [12, 30]
    assert len(whole.round_ratios[0].took_s) == 5
    assert min(whole.round_ratios[0].took_s) > 0
