"""Recorders merged: whatever is recorded, and in however many of them, the sum is that of one which saw it all."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtasks.engine.recording import recorder as module
from loadtasks.engine.recording.exemplars import SlowRequest
from loadtasks.engine.recording.failure import RequestFailure
from loadtasks.engine.recording.recorder import NEVER_RESPONDED, MeasurementIdentity, Recorder
from loadtasks.measurement.errors import ErrorCode
from loadtasks.measurement.health import Health
from loadtasks.measurement.model import Measurement, Protocol
from loadtasks.redaction.redactor import Redactor

HEALTH = Health(cpu_share=0.1, loop_lag_p99_s=0, loop_lag_max_s=0, send_lag_p99_s=0, waited_for_connection=0)
Entry = partial[None]
"""One thing that is written down."""

MOMENT = st.floats(0, 1000)
# Few values too, so that requests are equally slow.
SPAN = st.one_of(st.floats(0, 100), st.sampled_from((0.0, 0.001, 0.25)))
CODE = st.sampled_from((*sorted(NEVER_RESPONDED), "cut", "status"))


@pytest.fixture(autouse=True, scope="module")
def small_batches() -> Iterator[None]:
    """Times are folded every few requests, so that recorders are merged with times in and out of the histograms."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BATCH", 3)
        yield


def _response(due: float, lag: float, first: float, body: float, size: int, recorder: Recorder) -> None:
    recorder.scheduled += 1
    recorder.statuses[200] += 1
    recorder.complete_response(due, due + lag, due + lag + first, due + lag + first + body, size)


def _complete(due: float, lag: float, service: float, recorder: Recorder) -> None:
    recorder.scheduled += 1
    recorder.complete(due, due + lag, due + lag + service)


def _throttle(sent: float, service: float, status: int, recorder: Recorder) -> None:
    recorder.scheduled += 1
    recorder.statuses[status] += 1
    recorder.throttle(sent, sent + service)


def _fail(code: ErrorCode, publishing: bool, due: float, lag: float, service: float, recorder: Recorder) -> None:
    recorder.scheduled += 1
    failure = RequestFailure(code, f"{code} {publishing} at {due}")
    recorder.fail(failure, due, due + lag, due + lag + service, publishing=publishing)


def _drop(due: float, waited: float, recorder: Recorder) -> None:
    recorder.scheduled += 1
    recorder.waited_for_connection += 1
    recorder.drop(due, due + waited, f"dropped at {due}")


def _abandon(due: float, lag: float, service: float, recorder: Recorder) -> None:
    recorder.scheduled += 1
    recorder.abandon(due, due + lag, due + lag + service)


def _never_send(count: int, recorder: Recorder) -> None:
    recorder.drop_unsent(count, "never due")


def _note(kind: str, recorder: Recorder) -> None:
    recorder.note(kind, f"{kind} noted")


def _phase(name: str, seconds: float, outcome: str, recorder: Recorder) -> None:
    recorder.phase(name, seconds, outcome)


def _dispatch(late_s: float, recorder: Recorder) -> None:
    recorder.dispatch(late_s)


def _slow(response_s: float, due: float, status: int, number: int, recorder: Recorder) -> None:
    request_id = f"r-{number}" if number else None
    recorder.slowest.keep(SlowRequest(response_s, due, response_s, "GET /", status, request_id, None))


def entries() -> st.SearchStrategy[Entry]:
    def made(entry: Callable[..., None], *values: st.SearchStrategy[Any]) -> st.SearchStrategy[Entry]:
        return st.builds(partial, st.just(entry), *values)

    return st.one_of(
        made(_response, MOMENT, SPAN, SPAN, SPAN, st.integers(0, 9)),
        made(_complete, MOMENT, SPAN, SPAN),
        made(_throttle, MOMENT, SPAN, st.sampled_from((429, 503))),
        made(_fail, CODE, st.booleans(), MOMENT, SPAN, SPAN),
        made(_drop, MOMENT, SPAN),
        made(_abandon, MOMENT, SPAN, SPAN),
        made(_slow, SPAN, st.sampled_from((1.0, 2.0)), st.sampled_from((0, 200, 500)), st.integers(0, 20)),
        made(_never_send, st.integers(1, 50)),
        made(_note, st.sampled_from(("duplicate", "cut"))),
        made(_phase, st.sampled_from(("connect", "server:db", "body")), SPAN, st.sampled_from(("", "hit", "miss"))),
        made(_dispatch, SPAN),
    )


ENTRIES = st.lists(entries(), max_size=40)
LASTS_S = 500.0


def recorded(entries: list[Entry]) -> Recorder:
    recorder = Recorder()
    recorder.begin(10.0, LASTS_S)
    for entry in entries:
        entry(recorder)
    return recorder


def merged(*recorders: Recorder) -> Recorder:
    whole = Recorder()
    for recorder in recorders:
        whole.merge(recorder)
    return whole


def measured(recorder: Recorder) -> Measurement:
    identity = MeasurementIdentity(
        "thing.test", "", "thing", Protocol.HTTP, scenario_hash="", load={}, duration_s=LASTS_S
    )
    return recorder.measurement(identity, datetime(2026, 11, 24, tzinfo=UTC), HEALTH, Redactor())


def held(recorder: Recorder) -> dict[str, Any]:
    """All that a recorder holds and that has to be equal to the last bit; sums of floats aren't."""
    measurement = measured(recorder)
    return {
        **measurement.model_dump(include={"counts", "response", "service", "send_lag", "statuses", "exemplars"}),
        "availability": measurement.availability,
        "stragglers": measurement.stragglers,
        "elapsed_s": measurement.elapsed_s,
        "body_bytes": measurement.body_bytes,
        "errors": {(error.code, error.publishing): error.count for error in measurement.errors},
        "phases": {name: (phase.count, phase.max_s, phase.outcomes) for name, phase in measurement.phases.items()},
        "span": (recorder.first_start, recorder.last_end),
        "dispatch_lag": recorder.dispatch_lag.encode(),
        "sent_per_s": recorder.sent_per_s,
        "waited_for_connection": recorder.waited_for_connection,
        "done": recorder.done,
    }


def samples(recorder: Recorder) -> dict[tuple[str, bool], str]:
    return {(error.code, error.publishing): error.sample for error in measured(recorder).errors}


def assert_same(one: Recorder, other: Recorder) -> None:
    assert held(one) == held(other)
    totals, others = measured(one).phases, measured(other).phases
    for name in totals:
        assert math.isclose(totals[name].total_s, others[name].total_s, rel_tol=1e-9, abs_tol=1e-12)


@given(parts=st.lists(ENTRIES, max_size=4))
def test_merged_is_what_one_recorder_would_have_seen(parts: list[list[Entry]]) -> None:
    whole = merged(*map(recorded, parts))
    single = recorded([entry for part in parts for entry in part])
    assert_same(whole, single)
    assert samples(whole) == samples(single)


@given(entries=ENTRIES, data=st.data())
def test_it_is_the_same_however_the_entries_are_dealt(entries: list[Entry], data: st.DataObject) -> None:
    hands: list[list[Entry]] = [[], [], []]
    for entry in entries:
        hands[data.draw(st.integers(0, 2))].append(entry)
    assert_same(merged(*map(recorded, hands)), recorded(entries))


@given(first=ENTRIES, second=ENTRIES, third=ENTRIES)
def test_merging_is_associative(first: list[Entry], second: list[Entry], third: list[Entry]) -> None:
    a, b, c = map(recorded, (first, second, third))
    left, right = merged(merged(a, b), c), merged(a, merged(b, c))
    assert_same(left, right)
    assert samples(left) == samples(right)


@given(first=ENTRIES, second=ENTRIES)
def test_merging_is_commutative_but_for_which_failure_is_the_example(first: list[Entry], second: list[Entry]) -> None:
    a, b = recorded(first), recorded(second)
    one, other = merged(a, b), merged(b, a)
    assert_same(one, other)
    for kind, example in samples(one).items():
        assert example in (samples(a).get(kind), samples(b).get(kind))


@given(first=ENTRIES, second=ENTRIES)
def test_merging_changes_nothing_in_what_is_merged_and_ties_nothing_together(
    first: list[Entry], second: list[Entry]
) -> None:
    whole, part = recorded(first), recorded(second)
    part_before = held(part)
    whole.merge(part)
    assert held(part) == part_before
    for entry in first + second:
        entry(whole)
    assert held(part) == part_before
    whole_before = held(whole)
    for entry in first + second:
        entry(part)
    assert held(whole) == whole_before


@given(entries=ENTRIES)
def test_the_size_of_a_batch_makes_no_difference(entries: list[Entry]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BATCH", 4096)
        unfolded = recorded(entries)
    assert_same(recorded(entries), unfolded)


@given(entries=ENTRIES)
def test_every_entry_is_counted_once_and_timed_where_it_should_be(entries: list[Entry]) -> None:
    recorder = recorded(entries)
    measurement = measured(recorder)
    assert measurement.conservation_gap == 0
    timed = [entry for entry in entries if entry.func in (_response, _complete, _drop, _abandon)]
    unanswered = [
        entry for entry in entries if entry.func is _fail and entry.args[0] in NEVER_RESPONDED and not entry.args[1]
    ]
    assert measurement.response.count == len(timed) + len(unanswered)
    notes = sum(1 for entry in entries if entry.func is _note)
    assert sum(error.count for error in measurement.errors) == recorder.failed + recorder.dropped + notes
    assert measurement.send_lag.count == measurement.response.count
    assert measurement.service.count == measurement.response.count - sum(entry.func is _drop for entry in entries)


SLOW = st.lists(st.tuples(SPAN, st.integers(0, 20)), max_size=25)


@given(parts=st.tuples(SLOW, SLOW))
def test_exemplars_are_the_slowest_slowest_first(parts: tuple[list[tuple[float, int]], ...]) -> None:
    recorders = [
        recorded([partial(_slow, response_s, 1.0, 200, number) for response_s, number in part]) for part in parts
    ]
    for recorder, seen in [*zip(recorders, parts, strict=True), (merged(*recorders), parts[0] + parts[1])]:
        kept = [exemplar.response_s for exemplar in measured(recorder).exemplars]
        assert kept == sorted((response_s for response_s, _ in seen), reverse=True)[:10]
        assert recorder.slowest.from_s == (kept[-1] if len(kept) == 10 else -1.0)


def test_appended_stretches_follow_each_other_without_the_time_between() -> None:
    whole = Recorder()
    for began in (100.0, 160.0):
        stretch = Recorder()
        for n in range(5):
            stretch.scheduled += 1
            stretch.complete(began + n, began + n, began + n + 1.0)
        whole.append(stretch)
    assert (whole.completed, whole.first_start, whole.last_end) == (10, 100.0, 110.0)
    assert whole.sent_per_s == pytest.approx(1.0)


@given(stretches=st.lists(ENTRIES, min_size=3, max_size=3))
def test_stretches_can_be_appended_in_any_grouping(stretches: list[list[Entry]]) -> None:
    def appended(*recorders: Recorder) -> Recorder:
        whole = Recorder()
        for recorder in recorders:
            whole.append(recorder)
        return whole

    a, b, c = (recorded(entries) for entries in stretches)
    left, right = appended(appended(a, b), c), appended(a, appended(b, c))
    assert measured(left).availability == measured(right).availability == measured(appended(a, b, c)).availability
    assert measured(left).counts == measured(right).counts


@given(entries=ENTRIES)
def test_stragglers_are_what_was_completed_after_the_profile(entries: list[Entry]) -> None:
    completed = [entry.args for entry in entries if entry.func in (_response, _complete)]
    late = [times for times in completed if sum(times[: 4 if len(times) > 3 else 3]) > 10.0 + LASTS_S]
    assert measured(recorded(entries)).stragglers == len(late)


@pytest.mark.parametrize(
    ("code", "share", "refused_s"),
    [
        ("refused", 0.5, 2.0),
        ("connect_timeout", 0.5, 2.0),
        ("status", 0.5, 0.0),
        ("timeout", 0.5, 0.0),
        (None, 1.0, 0.0),
    ],
)
def test_availability_is_that_of_what_was_recorded(code: str | None, share: float, refused_s: float) -> None:
    """Served at each end; between, every request fails, or all but the first and the last are throttled."""
    recorder = Recorder()
    recorder.begin(0.0, 4.0)
    for number in range(400):
        sent = number / 100 + 0.001
        if not 100 <= number < 300:
            _response(sent, 0.0, 0.001, 0.001, 2, recorder)
        elif code is None and number not in (100, 299):
            _throttle(sent, 0.001, 429, recorder)
        else:
            _fail(ErrorCode(code or "status"), False, sent, 0.0, 0.001, recorder)
    availability = measured(recorder).availability
    assert availability is not None
    assert availability.share == pytest.approx(share, abs=0.01)
    assert availability.longest_refused_s == pytest.approx(refused_s, abs=0.02)
    assert availability.longest_gap_s == pytest.approx(2.0, abs=0.03)
