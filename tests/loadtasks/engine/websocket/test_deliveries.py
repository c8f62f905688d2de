"""The account of deliveries against the plainest one there is, for whatever order things happen in."""

import json
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtasks.engine.http.checks import Checker
from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.http.request_encoder import RequestEncoder
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.websocket.deliveries import Deliveries
from loadtasks.redaction.redactor import Redactor
from loadtasks.scenarios.model import Checks, Event, Request

EVENT = Event(where={"type": "created"}, id="thing.id")
WIRE = RequestEncoder(Target("http://127.0.0.1:8000")).encode(Request(method="POST", path="/things"))
TIMEOUT_S = 1000.0
LISTENERS, EVENTS = 4, 5


def exchange(due: float, sent: float, end: float) -> Exchange:
    made = Exchange(WIRE, Checker(Checks()), due, b"", keeps_body=False)
    made.sent, made.end = sent, end
    return made


def message(event: int, kind: str = "created") -> str:
    return json.dumps({"type": kind, "thing": {"id": event}})


def test_events_that_others_publish_fill_no_memory() -> None:
    account = Account()
    account.arrive(0, -1)
    account.publish(-1, 1.0, 2.0)
    for event in range(10_050):
        account.arrive(0, event)
    assert len(account.deliveries._by_id) == 10_001
    account.now = 5.0
    for listener in range(1, LISTENERS):
        account.arrive(listener, -1)
    assert account.end() == {}
    assert account.recorder.completed == LISTENERS


@pytest.mark.parametrize("found", ['"%s"' % ("x" * 1001), "[1]", "null", "{}"])
def test_what_can_be_no_id_is_no_event(found: str) -> None:
    account = Account()
    account.deliveries.arrived(0, '{"type": "created", "thing": {"id": ' + found + "}}", 1.0)
    assert not account.deliveries._by_id


@dataclass
class Account:
    """Deliveries, and the time."""

    recorder: Recorder = field(default_factory=Recorder)
    now: float = 1.0
    published: dict[int, Exchange] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.deliveries = Deliveries(EVENT, LISTENERS, TIMEOUT_S, self.recorder)

    def publish(self, event: int, sent: float, end: float) -> bool:
        self.published[event] = exchange(sent, sent, end)
        return self.deliveries.published(event, self.published[event])

    def arrive(self, listener: int, event: int) -> None:
        self.now += 1
        self.deliveries.arrived(listener, message(event), self.now)

    def end(self, lost: dict[int, str] | None = None) -> dict[str, int]:
        self.now += 1
        self.deliveries.end(self.now, lost or {})
        return {error.code: count for error, count in self.recorder._errors.items()}

    def sample(self, code: str) -> str:
        (sample,) = (sample for error, sample in self.recorder._samples.items() if error.code == code)
        return sample.text


arrivals = st.lists(st.tuples(st.integers(0, LISTENERS - 1), st.integers(0, EVENTS - 1)), max_size=60)
responses = st.dictionaries(st.integers(0, EVENTS - 1), st.tuples(st.integers(0, 60), st.integers(1, 30)))


@given(arrivals, responses)
def test_every_delivery_is_accounted_for_once(
    arrived: list[tuple[int, int]], answered: dict[int, tuple[int, int]]
) -> None:
    """`answered`: for each published event when its request was sent, and how much later it was answered."""
    account, ends = Account(), {sent + took: (event, sent) for event, (sent, took) in sorted(answered.items())}
    published = {event: (sent, end) for end, (event, sent) in ends.items()}
    for moment, (listener, event) in enumerate(arrived):
        if moment in ends:
            account.publish(ends[moment][0], ends[moment][1], moment)
        account.now = float(moment)
        account.arrive(listener, event)
    for end, (event, sent) in ends.items():
        if end >= len(arrived):
            account.publish(event, sent, end)

    orders: list[list[int]] = [[] for _ in range(LISTENERS)]
    duplicates = early = 0
    for moment, (listener, event) in enumerate(arrived):
        if event in published and event in orders[listener]:
            duplicates += 1
        elif event in published:
            orders[listener].append(event)
            early += moment + 1 < published[event][0]
    made = sum(map(len, orders))
    out_of_order = sum(
        any(published[event][1] < published[earlier][0] for earlier in order[:place])
        for order in orders
        for place, event in enumerate(order)
    )
    absent = LISTENERS * len(published) - made
    expected = Counter(missed=absent + early, duplicate=duplicates, out_of_order=out_of_order)
    assert account.deliveries.all_delivered(range(LISTENERS)) is (absent == 0)
    assert account.end() == {kind: count for kind, count in expected.items() if count}
    recorder = account.recorder
    recorder.fold()
    assert (recorder.completed, recorder.failed) == (made - early, expected["missed"])
    assert recorder.response.count == LISTENERS * len(published)


def test_an_event_counts_from_when_it_was_due_and_its_request_from_when_it_was_sent() -> None:
    account = Account()
    account.deliveries.published(1, exchange(due=10.0, sent=10.5, end=11.0))
    for listener in range(LISTENERS):
        account.deliveries.arrived(listener, message(1), 12.0)
    account.recorder.fold()
    assert account.recorder.completed == LISTENERS  # reported as soon as everyone has it
    assert [round(account.recorder.response.max_s or 0, 1), round(account.recorder.service.max_s or 0, 1)] == [2.0, 1.5]


def test_an_event_may_arrive_before_its_publisher_knows_its_id() -> None:
    account = Account()
    for listener in range(LISTENERS):
        account.arrive(listener, 1)
    assert account.recorder.completed == 0
    account.publish(1, sent=0.5, end=50.0)
    assert account.recorder.completed == LISTENERS


def test_events_that_others_published_are_ignored_even_when_they_come_twice() -> None:
    account = Account()
    for _ in range(2):
        account.arrive(0, 77)
        account.deliveries.arrived(0, message(1, kind="other"), account.now)
    for nonsense in ("no JSON", "[" * 100_000, "7", '{"type": "created"}', b"\xff"):
        account.deliveries.arrived(0, nonsense, account.now)
    assert account.deliveries.all_delivered(range(LISTENERS))
    assert account.end() == {}
    assert account.recorder.completed == account.recorder.failed == 0


@pytest.mark.parametrize(
    ("published", "arrived", "is_same"),
    [
        ("1", '"1"', True),
        (1, "1.0", True),
        (1.5, "15e-1", True),
        ("1", "1", False),
        (1, '"1"', False),
        (1, "true", False),
        (1, "[1]", False),
        (1, "null", False),
        (9007199254740993, "9007199254740992", False),
        ("\ud800", '"\\ud800"', True),
    ],
)
def test_an_id_is_the_same_where_it_is_equal(published: str | float, arrived: str, is_same: bool) -> None:
    account = Account()
    account.deliveries.published(published, exchange(due=1.0, sent=1.0, end=2.0))
    for listener in range(LISTENERS):
        account.deliveries.arrived(listener, f'{{"type": "created", "thing": {{"id": {arrived}}}}}', 3.0)
    assert account.deliveries.all_delivered(range(LISTENERS)) == is_same
    assert account.end() == ({} if is_same else {"missed": LISTENERS})
    if not is_same:
        account.sample("missed").encode()


@pytest.mark.parametrize(("expected", "value"), [(1, "true"), (True, "1"), ("1", "1"), ([0], "[false]"), (None, '""')])
def test_a_message_counts_only_with_equal_values(expected: object, value: str) -> None:
    deliveries = Deliveries(Event(where={"kind": expected}, id="id"), 1, TIMEOUT_S, Recorder())
    deliveries.published(1, exchange(due=1.0, sent=1.0, end=2.0))
    deliveries.arrived(0, f'{{"kind": {value}, "id": 1}}', 3.0)
    assert not deliveries.all_delivered([0])
    deliveries.arrived(0, json.dumps({"kind": expected, "id": 1}), 3.0)
    assert deliveries.all_delivered([0])


def test_a_duplicate_is_known_after_everyone_had_the_event() -> None:
    account = Account()
    account.publish(1, sent=0.5, end=0.6)
    for _ in range(2):
        for listener in range(LISTENERS):
            account.arrive(listener, 1)
    assert account.end() == {"duplicate": LISTENERS}
    assert account.recorder.completed == LISTENERS


def test_overlapping_publishes_have_no_order() -> None:
    account = Account()
    account.publish(1, sent=1.0, end=3.0)
    account.publish(2, sent=2.0, end=4.0)
    account.publish(3, sent=3.5, end=5.0)
    for event in (3, 2, 1):  # 3 was sent when 1 was answered, and nothing else is in order
        account.arrive(0, event)
    assert account.end(dict.fromkeys((1, 2, 3), "gone"))["out_of_order"] == 1
    assert "event 1 reached a listener after event 3" in account.sample("out_of_order")


def test_a_delivery_past_the_timeout_is_missed_and_timed() -> None:
    account = Account()
    account.publish(1, sent=1.0, end=2.0)
    for listener in range(LISTENERS):
        account.deliveries.arrived(listener, message(1), 1.0 + TIMEOUT_S + listener)
    account.recorder.fold()
    assert (account.recorder.completed, account.recorder.failed) == (1, LISTENERS - 1)
    assert account.recorder.response.count == LISTENERS
    assert "took 1001.0 s" in account.sample("missed")


def test_a_lost_listeners_end_is_reported_with_what_it_missed() -> None:
    account = Account()
    account.publish(1, sent=1.0, end=2.0)
    for listener in range(LISTENERS - 1):
        account.arrive(listener, 1)
    assert not account.deliveries.all_delivered(range(LISTENERS))
    assert account.deliveries.all_delivered(range(LISTENERS - 1))
    assert account.end({LISTENERS - 1: "closed with code 1013"}) == {"missed": 1}
    assert account.sample("missed") == "event 1 never reached a listener: closed with code 1013"


def test_an_id_that_was_published_before_is_not_the_first() -> None:
    account = Account()
    assert account.publish(1, sent=1.0, end=2.0)
    assert not account.publish(1, sent=3.0, end=4.0)


def test_an_events_slowest_delivery_is_kept_with_the_request_that_published_it() -> None:
    account = Account()
    account.publish(1, sent=1.0, end=2.0)
    for listener in range(LISTENERS):
        account.arrive(listener, 1)
    (slowest,) = account.recorder.slowest.exemplars(None, Redactor())
    assert (slowest.request, slowest.response_s) == ("POST /things", account.now - 1.0)
