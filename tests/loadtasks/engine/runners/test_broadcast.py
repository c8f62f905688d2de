"""Broadcasts: every event to every listener at scale, and whatever a target can do wrong reported by name."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.pacer import pacer_of
from loadtasks.engine.profiles.plan import plans
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.measurement.model import Measurement
from loadtasks.report.load_sentence import load_sentence
from loadtasks.scenarios.canonical import scenario_hash
from loadtasks.scenarios.load import BroadcastLoad, ClosedLoad, ConnectionsLoad, OpenLoad, Stage, StagesLoad
from loadtasks.scenarios.load_data import load_data
from loadtasks.scenarios.model import (
    BroadcastScenario,
    ConnectionsScenario,
    Event,
    HttpScenario,
    MixedScenario,
    Publish,
    Request,
)
from tests.loadtasks.engine.websocket.fanout import (
    CLOSE,
    PING,
    PONG,
    Fanout,
    close_frame,
    created,
    event_frame,
    frame,
    in_process,
    in_thread,
)
from tests.servers import ok

LISTENERS, EVENTS = 4, 5
WEEK_S = 604_800
"""The longest load that there may be."""
TIMER_S = 0.002
"""By how much an event loop's timer may fire early: it goes by whole milliseconds and by the time of its last turn."""


class OneAtATime(BroadcastLoad):
    """An event is published when the one before is answered, whatever the machine is busy with."""

    @property
    def publishing(self) -> OpenLoad | StagesLoad:
        return super().publishing.model_copy(update={"max_connections": 1, "queue_timeout_s": 5.0})


class Impatient(BroadcastLoad):
    """An event that finds the one connection busy is not published."""

    @property
    def publishing(self) -> OpenLoad | StagesLoad:
        return super().publishing.model_copy(update={"max_connections": 1, "queue_timeout_s": 0.1})


def broadcast(load: BroadcastLoad, *, timeout_s: float = 20.0) -> BroadcastScenario:
    return BroadcastScenario(
        name="ws.broadcast",
        endpoint="ws",
        path="/events",
        load=load,
        publish=Publish(request=Request(method="POST", path="/things", json={}), id="id"),
        event=Event(where={"type": "created"}, id="thing.id"),
        timeout_s=timeout_s,
    )


FEW = OneAtATime(listeners=LISTENERS, events=EVENTS, rate=50)


def measure(server: Fanout, load: BroadcastLoad = FEW, *, timeout_s: float = 20.0) -> Measurement:
    with in_thread(server) as url:
        (measurement,) = run_scenario(broadcast(load, timeout_s=timeout_s), Target(url))
    assert measurement.conservation_gap == 0
    return measurement


def codes(measurement: Measurement) -> dict[str, int]:
    return {f"publish: {error.code}" if error.publishing else error.code: error.count for error in measurement.errors}


def sample(measurement: Measurement, code: str) -> str:
    return next(error.sample for error in measurement.errors if error.code == code)


@pytest.mark.slow
def test_a_thousand_listeners_get_fifty_events_each_in_order_and_once() -> None:
    with in_process() as url:
        (measurement,) = run_scenario(
            broadcast(BroadcastLoad(listeners=1000, events=50, rate=50), timeout_s=60), Target(url)
        )
    assert measurement.errors == []
    assert measurement.counts.scheduled == measurement.counts.completed == 50_000
    assert measurement.response.count == 50_000
    assert measurement.conservation_gap == 0
    assert measurement.phases["connect"].count == measurement.phases["first_message"].count == 1000
    assert measurement.metrics["p99_s"] is not None


def test_a_delivery_takes_from_publishing_to_receipt() -> None:
    server = Fanout()
    server.fans_out_after_s = 0.2
    measurement = measure(server)
    assert measurement.counts.completed == LISTENERS * EVENTS, measurement.errors
    assert min(upper_s for upper_s, _ in measurement.service.steps()) >= 0.2 - TIMER_S
    assert min(upper_s for upper_s, _ in measurement.response.steps()) >= 0.2 - TIMER_S
    assert measurement.phases["first_delivery"].total_s >= (0.2 - TIMER_S) * EVENTS


def test_the_steps_of_an_event_are_reported_apart() -> None:
    server = Fanout()
    server.responses_after_s = lambda event: 0.2
    server.responses = lambda event: created(event).replace(b"\r\n", b"\r\nServer-Timing: db;dur=7\r\n", 1)
    phases = measure(server).phases
    assert phases["publish"].count == phases["first_delivery"].count == phases["fan_out"].count == EVENTS
    assert phases["publish"].total_s >= (0.2 - TIMER_S) * EVENTS
    assert phases["first_delivery"].total_s < phases["publish"].total_s
    assert phases["server:db"].total_s == pytest.approx(0.007 * EVENTS)
    assert phases["upgrade"].count == LISTENERS


def test_a_missed_delivery_is_a_failure_with_the_time_waited() -> None:
    server = Fanout()
    server.gets = lambda event, listener: b"" if (event, listener) == (3, 2) else event_frame(event)
    measurement = measure(server, timeout_s=0.5)
    assert (measurement.counts.completed, measurement.counts.failed) == (LISTENERS * EVENTS - 1, 1)
    assert codes(measurement) == {"missed": 1}
    assert measurement.errors[0].sample == "event 3 never reached a listener"
    assert measurement.max_s is not None
    assert measurement.max_s >= 0.5 - TIMER_S


def test_a_duplicate_is_reported_and_breaks_no_count() -> None:
    server = Fanout()
    server.gets = lambda event, listener: event_frame(event) * (2 if event == 2 else 1)
    measurement = measure(server)
    assert measurement.counts.completed == LISTENERS * EVENTS
    assert codes(measurement) == {"duplicate": LISTENERS}


def test_an_event_after_a_later_one_is_reported_and_breaks_no_count() -> None:
    server = Fanout()
    late = {2: b"", 3: event_frame(3) + event_frame(2)}
    server.gets = lambda event, listener: late.get(event, event_frame(event))
    measurement = measure(server)
    assert measurement.counts.completed == LISTENERS * EVENTS
    assert codes(measurement) == {"out_of_order": LISTENERS}
    assert "event 2 reached a listener after event 3" in measurement.errors[0].sample


def test_events_whose_publishing_overlaps_may_come_in_any_order() -> None:
    server = Fanout()
    swapped = {2: b"", 3: event_frame(3) + event_frame(2)}
    server.gets = lambda event, listener: swapped.get(event, event_frame(event))
    server.responses_after_s = lambda event: 1.0
    measurement = measure(server, BroadcastLoad(listeners=LISTENERS, events=EVENTS, rate=50))
    assert measurement.counts.completed == LISTENERS * EVENTS
    assert measurement.errors == []


def test_what_else_is_received_is_ignored() -> None:
    server = Fanout()
    others = frame(b'{"type":"other","thing":{"id":1}}') + event_frame(900) * 2 + frame(b"no JSON", opcode=2)
    server.gets = lambda event, listener: others + event_frame(event) + frame(b"there?", opcode=PING)
    measurement = measure(server)
    assert measurement.counts.completed == LISTENERS * EVENTS
    assert measurement.errors == []
    assert [said for said in server.said if said[0] == PONG] == [(PONG, b"there?")] * LISTENERS * EVENTS
    assert [said for said in server.said if said[0] == CLOSE] == [(CLOSE, (1000).to_bytes(2, "big"))] * LISTENERS


@pytest.mark.parametrize(
    ("ends_with", "kind", "code", "words"),
    [
        (close_frame(1013, "too slow"), "closed", "1013", "code 1013 (try again later), reason 'too slow'"),
        (frame(b"deflated", rsv=4), "malformed", None, "a malformed WebSocket frame"),
    ],
    ids=["closed", "compressed unexpected"],
)
def test_a_listener_that_is_lost_misses_the_rest_and_its_end_is_reported(
    ends_with: bytes, kind: str, code: str | None, words: str
) -> None:
    server = Fanout()

    def gets(event: int, listener: int) -> bytes:
        return event_frame(event) + ends_with if (event, listener) == (2, 3) else event_frame(event)

    server.gets = gets
    measurement = measure(server)
    assert (measurement.counts.completed, measurement.counts.failed) == (LISTENERS * EVENTS - 3, 3)
    assert codes(measurement) == {"missed": 3, kind: 1}
    assert words in sample(measurement, kind)
    assert words in sample(measurement, "missed")
    assert measurement.statuses == ({code: 1} if code else {})
    assert measurement.max_s is not None
    assert measurement.max_s < 20  # nobody waits out the timeout for one that is gone


def test_a_listener_that_never_listened_misses_everything() -> None:
    server = Fanout()
    server.upgrades_after_s = lambda listener: 1.0 if listener == 2 else 0.0
    measurement = measure(server, timeout_s=0.5)
    assert (measurement.counts.completed, measurement.counts.failed) == ((LISTENERS - 1) * EVENTS, EVENTS)
    assert codes(measurement) == {"missed": EVENTS, "timeout": 1}
    assert "no response to the upgrade" in sample(measurement, "missed")


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (ok(b"{}", status="500 Internal Server Error"), "publish: status"),
        (ok(b"{}", status="201 Created"), "publish: check"),
        (ok(b"no JSON", status="201 Created"), "publish: check"),
        (created(1), "publish: check"),
        (b"nonsense", "publish: malformed"),
    ],
    ids=["refused", "no id", "no JSON", "an id of before", "no HTTP"],
)
def test_what_was_not_published_reaches_nobody(response: bytes, kind: str) -> None:
    server = Fanout()
    server.responses = lambda event: response if event == 3 else created(event)
    measurement = measure(server)
    assert (measurement.counts.completed, measurement.counts.failed) == (LISTENERS * (EVENTS - 1), LISTENERS)
    assert codes(measurement) == {kind: LISTENERS}


def test_what_a_limit_turned_away_is_throttled_and_no_failure() -> None:
    server = Fanout()
    limited = ok(b"{}", "Retry-After: 1", status="429 Too Many Requests")
    server.responses = lambda event: limited if event > 3 else created(event)
    measurement = measure(server)
    assert (measurement.counts.completed, measurement.counts.throttled) == (LISTENERS * 3, LISTENERS * 2)
    assert measurement.errors == []
    assert measurement.success_rate == 1.0


def test_what_found_no_connection_within_its_queue_timeout_is_dropped_for_every_listener() -> None:
    server = Fanout()
    server.responses_after_s = lambda event: 0.5
    measurement = measure(server, Impatient(listeners=LISTENERS, events=3, rate=100))
    assert (measurement.counts.completed, measurement.counts.dropped) == (LISTENERS, LISTENERS * 2)
    assert codes(measurement) == {"dropped": LISTENERS * 2}


PROFILES = [
    BroadcastLoad(listeners=LISTENERS, rate=40, duration_s=0.25),
    BroadcastLoad(listeners=LISTENERS, rate=40, duration_s=0.25, arrivals="poisson", seed=7),
    BroadcastLoad(
        listeners=LISTENERS, start_rate=10, stages=(Stage(rate=50, duration_s=0.2), Stage(rate=0, duration_s=0.2))
    ),
]


@pytest.mark.parametrize("load", PROFILES, ids=["constant", "poisson", "stages"])
def test_events_are_published_under_any_open_profile(load: BroadcastLoad) -> None:
    server = Fanout()
    measurement = measure(server, load)
    pacer = pacer_of(load.publishing)
    assert server.published == pacer.count > 1
    assert measurement.counts.completed == pacer.count * LISTENERS, measurement.errors
    (plan,) = plans(broadcast(load))
    assert (plan.expected, plan.lasts_s) == (pacer.count * LISTENERS, pacer.due_s(pacer.count - 1))


def test_the_load_factor_multiplies_listeners_alone_and_the_sentence_tells_the_profile() -> None:
    assert [load_sentence(load_data(broadcast(load.scaled(2)))) for load in (FEW, *PROFILES)] == [
        "5 events at 50/s to 8 listeners",
        "publishing 40 requests/s for 0.25 s, to 8 listeners",
        "publishing 40 requests/s for 0.25 s, Poisson arrivals (seed 7), to 8 listeners",
        "publishing from 10 requests/s to 50/s in 0.2 s, 0/s in 0.2 s, to 8 listeners",
    ]


def test_profiles_have_different_hashes() -> None:
    assert len({scenario_hash(broadcast(load)) for load in PROFILES}) == len(PROFILES)


@given(events=st.integers(1, 2_000_000), rate=st.floats(0.001, 100_000))
def test_so_many_events_at_a_rate_are_so_many(events: int, rate: float) -> None:
    assume(events / rate <= WEEK_S)
    assert pacer_of(BroadcastLoad(listeners=1, events=events, rate=rate).publishing).count == events


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ({}, "events are published as"),
        ({"events": 5}, "events are published as"),
        ({"rate": 5}, "events are published as"),
        ({"events": 5, "rate": 5, "duration_s": 5}, "events are published as"),
        ({"events": 5, "rate": 5, "seed": 5}, "events are published as"),
        ({"rate": 5, "stages": [{"rate": 5, "duration_s": 1}]}, "events are published as"),
        ({"rate": 5, "duration_s": 1, "start_rate": 5}, "events are published as"),
        ({"start_rate": 0.0, "stages": [{"rate": 0, "duration_s": 1}]}, "every rate is 0"),
        ({"stages": []}, "stages"),
        ({"rate": 0, "duration_s": 1}, "rate"),
        ({"rate": 5, "duration_s": 1, "arrivals": "sometimes"}, "arrivals"),
    ],
)
def test_a_profile_that_is_none_is_refused(profile: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        BroadcastLoad.model_validate({"listeners": 3, **profile})


def test_a_mixed_scenario_is_reported_by_kind_and_as_a_whole() -> None:
    http = HttpScenario(
        name="thing.test",
        endpoint="thing",
        requests=(Request(method="POST", path="/thing"),),
        load=ClosedLoad(workers=2, requests=12),
        warmup_requests=0,
    )
    held = ConnectionsScenario(name="ws.connections", endpoint="ws", path="/x", load=ConnectionsLoad(connections=7))
    with in_thread(Fanout()) as url:
        scenario = MixedScenario(name="mixed.all", endpoint="mixed", parts={"http": http, "ws": held})
        whole, *parts = run_scenario(scenario, Target(url))
    assert [(part.part, part.endpoint, part.counts.completed) for part in parts] == [
        ("http", "thing", 12),
        ("ws", "ws", 7),
    ]
    assert (whole.part, whole.endpoint, whole.counts.completed) == ("", "mixed", 19)
    assert whole.response.count == 19
    assert whole.statuses == {"101": 7, "201": 12}
