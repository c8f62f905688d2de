"""Availability of scripted requests: outages are found, slow, sparse and sporadically failing targets have none."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtasks.engine.recording import timeline as module
from loadtasks.engine.recording.timeline import Stretch, Timeline
from loadtasks.measurement.availability import Availability

START = 1000.0


class Sent(NamedTuple):
    """One request: when it was sent, in seconds after the load's start, how long it took, and how it ended."""

    at_s: float
    took_s: float
    outcome: str = "ok"
    """`ok`, `throttled`, `failed` or `refused`."""


def timeline(requests: Sequence[Sent], lasts_s: float | None = 10.0) -> Timeline:
    made = Timeline()
    made.begin(START, lasts_s)
    for request in requests:
        sent = np.array([START + request.at_s])
        end = sent + request.took_s
        match request.outcome:
            case "ok":
                made.succeed(sent, end)
            case "throttled":
                made.serve(sent)
            case outcome:
                made.fail(sent, end, np.array([outcome == "failed"]))
    return made


def availability(requests: Sequence[Sent], lasts_s: float | None = 10.0) -> Availability:
    found = timeline(requests, lasts_s).stretch().availability()
    assert found is not None
    return found


def closed(workers: int, took_s: float, lasts_s: float = 10.0, think_s: float = 0.0) -> list[Sent]:
    """Workers that begin one after the other, whose requests all succeed."""
    apart_s = (took_s + think_s) / workers
    times = [
        (worker * apart_s + n * (took_s + think_s), took_s)
        for worker in range(workers)
        for n in range(int(lasts_s / (took_s + think_s)) + 1)
    ]
    return [Sent(*time) for time in times if time[0] < lasts_s]


def evenly(rate: float, from_s: float, to_s: float, took_s: float = 0.005, outcome: str = "ok") -> list[Sent]:
    return [Sent(from_s + n / rate, took_s, outcome) for n in range(round((to_s - from_s) * rate))]


@pytest.mark.parametrize(
    "requests",
    [
        pytest.param(closed(1, 1.5), id="one worker, 1.5 s each"),
        pytest.param(closed(2, 6.0), id="two workers, 6 s each"),
        pytest.param(closed(3, 0.01, think_s=5.0), id="think time of 5 s"),
        pytest.param(evenly(1, 0, 10), id="one request a second"),
        pytest.param(evenly(1, 0, 10, took_s=3.0), id="one request a second, 3 s each"),
        pytest.param(evenly(0.3, 0, 10), id="a request every 3 s"),
        pytest.param(evenly(50, 4, 6), id="a rate that is 0 for most of the time"),
        pytest.param(evenly(50, 0, 3) + evenly(50, 3, 6, outcome="throttled") + evenly(50, 6, 10), id="throttled"),
        pytest.param(evenly(50, 0, 10, outcome="throttled"), id="throttled all the time"),
    ],
)
def test_a_target_that_fails_no_request_is_available_however_slow_or_rarely_asked(requests: list[Sent]) -> None:
    found = availability(requests)
    assert (found.share, found.longest_outage_s, found.longest_outage_from_s) == (1.0, 0.0, None)
    assert found.longest_refused_s == 0.0


@pytest.mark.parametrize(
    ("requests", "share"),
    [
        pytest.param(
            [Sent(n / 100, 0.005, "failed" if n % 10 == 3 else "ok") for n in range(1000)], 0.9, id="one in ten"
        ),
        pytest.param(
            [*evenly(100, 0, 10), *(Sent(n * 1.7, 1.5, "failed") for n in range(5))], 0.999, id="hanging, others not"
        ),
        pytest.param(
            [Sent(n / 2, 1.5, "failed" if n == 9 else "ok") for n in range(20)], 0.94, id="one of 20, all slow"
        ),
        pytest.param([*closed(2, 6.0), Sent(4.0, 0.1, "failed")], 0.98, id="one, among slow ones"),
        pytest.param([*evenly(1, 0, 10), Sent(4.5, 0.001, "failed")], 0.998, id="one, at a low rate"),
        pytest.param([*evenly(100, 0, 9.99), Sent(9.985, 30.0, "failed")], 0.998, id="the last one hangs"),
    ],
)
def test_sporadic_failures_cost_no_more_time_than_their_share_of_the_requests(
    requests: list[Sent], share: float
) -> None:
    assert availability(requests).share >= share


@pytest.mark.parametrize("outcome", ["failed", "refused"])
@pytest.mark.parametrize("rate", [10, 100, 1000])
def test_an_outage_is_as_long_as_it_is(outcome: str, rate: float) -> None:
    requests = [*evenly(rate, 0, 2), *evenly(rate, 2, 5, 0.0005, outcome), *evenly(rate, 5, 10)]
    found = availability(requests)
    near = {"abs": 1 / rate + 0.02}
    assert found.share == pytest.approx(0.7, **near)
    assert found.longest_outage_s == pytest.approx(3.0, **near)
    assert found.longest_outage_from_s == pytest.approx(2.0, abs=0.02)
    assert found.longest_gap_s == pytest.approx(3.0, **near)
    assert found.longest_refused_s == (pytest.approx(3.0, **near) if outcome == "refused" else 0.0)


def test_two_outages_are_added_and_the_longer_one_is_named() -> None:
    requests = [*evenly(100, 0, 1), *evenly(100, 1, 2, outcome="failed"), *evenly(100, 2, 6)]
    requests += [*evenly(100, 6, 8, outcome="failed"), *evenly(100, 8, 10)]
    found = availability(requests)
    assert found.share == pytest.approx(0.7, abs=0.01)
    assert (found.longest_outage_from_s, found.longest_outage_s) == pytest.approx((6.0, 2.0), abs=0.03)


def test_workers_that_hang_are_in_an_outage_from_when_they_sent_until_one_is_served() -> None:
    hanging = [Sent(3.0 + worker / 1000 + n, 1.0, "failed") for worker in range(10) for n in (0, 1)]
    found = availability([*evenly(500, 0, 3), *hanging, *evenly(500, 5.01, 10)])
    assert (found.longest_outage_from_s, found.longest_outage_s) == pytest.approx((3.0, 2.0), abs=0.03)
    assert found.share == pytest.approx(0.8, abs=0.01)


def test_workers_that_hang_to_the_end_are_in_an_outage_until_the_profile_is_over() -> None:
    hanging = [Sent(2.991 + worker / 10_000, 30.0, "failed") for worker in range(10)]
    found = availability([*evenly(500, 0, 3), *hanging], lasts_s=8.0)
    assert found.share == pytest.approx(3 / 8, abs=0.01)
    assert found.longest_outage_s == pytest.approx(5.0, abs=0.02)
    assert found.longest_gap_s == pytest.approx(5.0, abs=0.02)


def test_a_target_that_comes_late_and_one_that_never_comes_are_unavailable() -> None:
    late = availability([*evenly(100, 0, 4, outcome="refused"), *evenly(100, 4, 10)])
    assert late.share == pytest.approx(0.6, abs=0.01)
    never = availability(evenly(100, 0, 10, outcome="refused"))
    assert never.share == pytest.approx(0.0, abs=0.01)
    assert never.longest_refused_s == never.longest_outage_s == pytest.approx(10.0, abs=0.02)
    assert never.longest_gap_s == 10.0


def test_refused_connections_while_others_are_served_are_no_outage() -> None:
    requests = [*evenly(20, 0, 10), *(Sent(n * 0.1 + 0.02, 0.001, "refused") for n in range(100))]
    found = availability(requests)
    assert found.share >= 0.9
    assert found.longest_outage_s == pytest.approx(0.01)
    assert found.longest_refused_s == pytest.approx(0.01)


def test_the_end_of_a_load_without_a_duration_is_its_last_request() -> None:
    requests = [*evenly(100, 0, 3), *evenly(100, 3, 6, outcome="failed")]
    found = availability(requests, lasts_s=None)
    assert found.share == pytest.approx(0.5, abs=0.01)
    assert availability([*evenly(100, 0, 3), Sent(2.999, 30.0, "failed")], None).share >= 0.99


@pytest.mark.parametrize(("requests", "lasts_s"), [(evenly(100, 0, 1), 1.9), (evenly(10, 0, 1.9), None), ([], 10.0)])
def test_nothing_is_said_of_a_short_load_and_of_one_without_a_request(
    requests: list[Sent], lasts_s: float | None
) -> None:
    assert timeline(requests, lasts_s).stretch().availability() is None
    assert Timeline().stretch() == Stretch()


def test_a_load_of_two_seconds_is_long_enough() -> None:
    assert availability(evenly(10, 0, 2), 2.0).share == 1.0


def test_an_outage_goes_on_over_rounds_and_the_time_between_them_is_no_time_of_the_load() -> None:
    whole = Stretch()
    for n in range(8):
        made = Timeline()
        began = START + n * 60.0
        made.begin(began, 0.5)
        sent = began + np.arange(0, 0.5, 0.05)
        if 2 <= n <= 4:
            made.fail(sent, sent + 0.001, np.zeros(sent.size, dtype=bool))
        else:
            made.succeed(sent, sent + 0.001)
        whole = whole.then(made.stretch())
    found = whole.availability()
    assert found is not None
    assert found.share == pytest.approx(1 - 1.5 / 4, abs=0.02)
    assert (found.longest_outage_from_s, found.longest_outage_s) == pytest.approx((1.0, 1.5), abs=0.06)
    assert found.longest_refused_s == pytest.approx(1.5, abs=0.06)


def test_an_outage_of_a_load_of_hours_is_found_in_longer_slices() -> None:
    made = Timeline()
    made.begin(START, 7200.0)
    for minute in range(120):
        sent = START + minute * 60 + np.arange(0, 60, 0.05)
        if 30 <= minute < 36:
            made.fail(sent, sent + 0.001, np.ones(sent.size, dtype=bool))
        else:
            made.succeed(sent, sent + 0.001)
    found = made.stretch().availability()
    assert found is not None
    assert found.share == pytest.approx(1 - 360 / 7200, abs=0.0005)
    assert (found.longest_outage_from_s, found.longest_outage_s) == pytest.approx((1800, 360), abs=2)


REQUESTS = st.lists(
    st.builds(
        Sent,
        st.floats(0, 30),
        st.one_of(st.floats(0, 0.02), st.floats(0, 12)),
        st.sampled_from(("ok", "ok", "throttled", "failed", "refused")),
    ),
    max_size=30,
)
LASTS_S = st.sampled_from((None, 5.0, 20.0))


@pytest.fixture(params=[module._SLICES, 64], scope="module")
def _slices(request: pytest.FixtureRequest) -> Iterator[None]:
    """As many slices as ever, and so few that most loads need longer ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_SLICES", request.param)
        yield


def merged(*timelines: Timeline) -> Timeline:
    whole = Timeline()
    for one in timelines:
        whole.merge(one)
    return whole


@pytest.mark.usefixtures("_slices")
@given(requests=REQUESTS, lasts_s=LASTS_S, data=st.data())
def test_it_is_the_same_however_requests_are_dealt_to_processes(
    requests: list[Sent], lasts_s: float | None, data: st.DataObject
) -> None:
    hands: list[list[Sent]] = [[], [], []]
    for request in data.draw(st.permutations(requests)):
        hands[data.draw(st.integers(0, 2))].append(request)
    a, b, c = (timeline(hand, lasts_s) for hand in hands)
    whole = timeline(requests, lasts_s).stretch()
    assert merged(a, b, c).stretch() == whole
    assert merged(merged(c, b), a).stretch() == merged(a, merged(b, c)).stretch() == whole


@pytest.mark.usefixtures("_slices")
@given(requests=REQUESTS, lasts_s=LASTS_S)
def test_shares_and_times_are_within_the_load(requests: list[Sent], lasts_s: float | None) -> None:
    found = timeline(requests, lasts_s).stretch().availability()
    if found is None:
        return
    length_s = lasts_s or max(request.at_s for request in requests) + 0.02
    assert 0 <= found.share <= 1
    assert max(found.longest_outage_s, found.longest_gap_s, found.longest_refused_s) <= length_s
    assert (found.longest_outage_from_s is None) == (found.longest_outage_s == 0) == (found.share == 1)
    if not any(request.outcome in ("failed", "refused") for request in requests):
        assert found.share == 1


def test_what_is_served_after_the_profile_ends_no_outage_within_it() -> None:
    down = [*evenly(100, 0, 2), *evenly(100, 2, 4, outcome="failed")]
    whole = timeline([*down, Sent(4.5, 0.01)], lasts_s=4.0).stretch()
    assert whole == timeline(down, lasts_s=4.0).stretch()
    assert whole.outages.tail is not None, "it may go on in the next round"
