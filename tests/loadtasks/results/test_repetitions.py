"""Repetitions: all are kept, and one of them is reported."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy.exc import IntegrityError

from loadtasks.errors import BadInputError
from loadtasks.measurement.metrics import BASELINE_METRICS
from loadtasks.measurement.model import Measurement
from loadtasks.results.assembly import assemble
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.repetitions import Repetition, RepetitionReason, choose_reported
from loadtasks.results.store import Store
from tests.measurements import SERVICE, STARTED_AT, failure, measurement, run

DASHBOARD, MIXED = "dashboard.concurrent", "mixed.concurrent"
RUN = run().id


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as opened:
        opened.open_run(run(scenarios=[DASHBOARD, MIXED]))
        yield opened


def shown(time_s: float, scenario: str = DASHBOARD, **changes: object) -> list[Measurement]:
    """The whole of a scenario whose every request took this long."""
    return [measurement(scenario, times_s=[time_s] * 100, **changes)]


def keep(store: Store, *times_s: float, untrusted: Sequence[int] = (), scenario: str = DASHBOARD) -> None:
    """Keep one repetition for each time, those of some numbers not trusted."""
    store.save_measurements(RUN, scenario, shown(times_s[0], scenario))
    for number, time_s in enumerate(times_s[1:], 2):
        trusted = number not in untrusted
        store.add_repetition(RUN, scenario, again(number, time_s, scenario, trusted=trusted))


def again(number: int, time_s: float, scenario: str = DASHBOARD, **changes: object) -> Repetition:
    """A further repetition whose every request took this long."""
    made = {"measurements": shown(time_s, scenario), "reason": RepetitionReason.SUSPECT} | changes
    return Repetition(number=number, **made)  # type: ignore[arg-type]


def reported(store: Store, scenario: str = DASHBOARD) -> list[int]:
    return [repetition.number for repetition in store.repetitions(RUN, scenario) if repetition.reported]


@pytest.mark.parametrize(
    ("times_s", "untrusted", "expected"),
    [
        ([0.3], (), 1),
        ([0.3, 0.2], (), 2),
        ([0.2, 0.3], (), 1),
        ([0.3, 0.1, 0.2], (), 3),
        ([0.4, 0.3, 0.1, 0.2], (), 4),
        ([0.2, 0.2], (), 1),
        ([0.3, 0.1], (2,), 1),
        ([0.3, 0.1, 0.2], (2,), 3),
        ([0.3, 0.1, 0.2], (1, 2, 3), 3),
    ],
)
def test_the_middle_one_of_those_that_can_be_trusted_is_reported(
    times_s: list[float], untrusted: tuple[int, ...], expected: int
) -> None:
    repetitions = [
        Repetition(number=number, measurements=shown(time_s), trusted=number not in untrusted)
        for number, time_s in enumerate(times_s, 1)
    ]
    found = choose_reported(repetitions[::-1])
    assert [repetition.number for repetition in found] == list(range(1, len(times_s) + 1))
    assert [repetition.number for repetition in found if repetition.reported] == [expected]


def test_success_weighs_more_than_speed() -> None:
    slow, bad = Repetition(number=1, measurements=shown(0.3)), Repetition(number=2, measurements=shown(0.1, failed=1))
    assert slow.badness < bad.badness
    assert Repetition(number=3, measurements=[measurement(times_s=[], failed=9)]).badness > bad.badness


def test_every_repetition_is_kept_whole_and_in_order(store: Store) -> None:
    tries = [
        [measurement(MIXED, times_s=[time_s]), measurement(MIXED, part="sessions", times_s=[time_s, 0.5])]
        for time_s in (0.3, 0.1, 0.2)
    ]
    store.save_measurements(RUN, MIXED, tries[0])
    store.add_repetition(RUN, MIXED, Repetition(number=2, measurements=tries[1]))
    store.add_repetition(RUN, MIXED, Repetition(number=3, measurements=tries[2], trusted=False))
    repetitions = store.repetitions(RUN, MIXED)
    assert [repetition.measurements for repetition in repetitions] == tries
    assert [(repetition.number, repetition.reported, repetition.trusted) for repetition in repetitions] == [
        (1, False, True),
        (2, True, True),
        (3, False, False),
    ]
    assert store.repetitions(RUN, DASHBOARD) == []
    with pytest.raises(BadInputError, match="no run 'nope'"):
        store.repetitions("nope", DASHBOARD)


def test_everything_else_uses_the_reported_one(store: Store) -> None:
    keep(store, 0.3, 0.1, 0.2)
    (expected,) = shown(0.2)
    assert store.measurements(RUN) == store.measurements(RUN, DASHBOARD) == [expected]
    assert [entry.metrics["p50_s"] for entry in store.history(SERVICE, DASHBOARD)] == [expected.p50_s]
    result = assemble(store, RUN).scenarios[0]
    assert result.measurements == [expected]
    assert [repetition.reported for repetition in result.repetitions] == [False, False, True]
    assert [round(repetition.p50_s or 0, 2) for repetition in result.repetitions] == [0.3, 0.1, 0.2]
    store.save_verdicts(RUN, [ScenarioVerdict(scenario=DASHBOARD, verdict=Verdict.PASS)])
    assert store.approvals.approve(RUN, approved_by="ada", why="") == [DASHBOARD]


def test_a_single_measurement_has_no_list_of_repetitions(store: Store) -> None:
    keep(store, 0.3)
    assert [scenario.repetitions for scenario in assemble(store, RUN).scenarios] == [[], []]


def test_a_retried_repetition_replaces_its_own(store: Store) -> None:
    keep(store, 0.3, 0.1, 0.2)
    store.add_repetition(RUN, DASHBOARD, again(2, 0.5))
    assert [repetition.measurements for repetition in store.repetitions(RUN, DASHBOARD)] == [
        shown(0.3),
        shown(0.5),
        shown(0.2),
    ]
    assert reported(store) == [1]


def test_a_retried_first_one_replaces_all(store: Store) -> None:
    keep(store, 0.3, 0.1, scenario=MIXED)
    keep(store, 0.3, 0.1, 0.2)
    store.save_measurements(RUN, DASHBOARD, shown(0.4))
    assert [repetition.measurements for repetition in store.repetitions(RUN, DASHBOARD)] == [shown(0.4)]
    assert reported(store) == [1]
    assert reported(store, MIXED) == [2], "another scenario's are left alone"
    store.save_failure(RUN, MIXED, failure("gone"))
    assert store.repetitions(RUN, MIXED) == []


def test_another_repetition_deletes_what_was_concluded(store: Store) -> None:
    keep(store, 0.3, 0.1)
    verdicts = [ScenarioVerdict(scenario=scenario, verdict=Verdict.PASS) for scenario in (DASHBOARD, MIXED)]
    store.save_verdicts(RUN, verdicts)
    store.approvals.approve(RUN, approved_by="ada", why="", scenarios=[DASHBOARD])
    store.add_repetition(RUN, DASHBOARD, again(3, 0.2))
    assert store.verdicts(RUN) == verdicts[1:]
    assert store.approvals.current() == []


def test_a_confirmation_is_known_by_the_reason_of_its_repetitions(store: Store) -> None:
    keep(store, 0.3)
    store.add_repetition(RUN, DASHBOARD, again(2, 0.2))
    store.save_measurements(RUN, MIXED, shown(0.3, MIXED))
    store.add_repetition(RUN, MIXED, again(2, 0.2, MIXED, reason=RepetitionReason.LEARNING))
    (scenario, repetitions), *others = store.repeated(RUN, RepetitionReason.SUSPECT).items()
    assert (scenario, others) == (DASHBOARD, [])
    assert [repetition.reason for repetition in repetitions] == [None, RepetitionReason.SUSPECT]


def test_half_an_repetition_is_not_kept(store: Store) -> None:
    keep(store, 0.3, 0.1)
    with pytest.raises(IntegrityError):
        store.add_repetition(RUN, DASHBOARD, again(3, 0.2, measurements=shown(0.2) * 2))
    with pytest.raises(ValueError, match=MIXED):
        store.add_repetition(RUN, DASHBOARD, again(3, 0.2, MIXED))
    assert [repetition.measurements for repetition in store.repetitions(RUN, DASHBOARD)] == [shown(0.3), shown(0.1)]
    assert reported(store) == [2]


def test_all_that_can_be_trusted_is_evidence(store: Store) -> None:
    keep(store, 0.3, 0.7, 0.4, 0.2, untrusted=[3])
    store.add_repetition(RUN, DASHBOARD, again(2, 0.1))  # the order is that of measuring, not of keeping
    later = run("later", started_at=STARTED_AT + timedelta(days=1), scenarios=[DASHBOARD])
    store.open_run(later)
    store.save_measurements("later", DASHBOARD, shown(0.5, connect_mean_s=None, failed=2, dropped=1, throttled=5))
    store.save_verdicts(RUN, [ScenarioVerdict(scenario=DASHBOARD, verdict=Verdict.PASS)])
    (series,) = store.series(SERVICE, unjudged="later")
    several, once = series.points
    p50 = list(BASELINE_METRICS).index("p50_s")
    assert several.repetitions.shape == (3, len(BASELINE_METRICS))
    assert several.repetitions[:, p50] == pytest.approx([0.3, 0.1, 0.2], rel=2e-3)
    assert several.values[p50] == pytest.approx(0.2, rel=2e-3)
    np.testing.assert_array_equal(once.repetitions, once.values[None, :])
    np.testing.assert_array_equal(several.counts[:, 0], 0)
    np.testing.assert_array_equal(once.counts, [[3, once.requests + 3]])
    assert np.isnan(once.values[list(BASELINE_METRICS).index("connect_mean_s")])
    assert series.values("p50_s") == pytest.approx([0.2, 0.5], rel=2e-3)


def test_a_run_without_a_trusted_repetition_is_no_point(store: Store) -> None:
    keep(store, 0.3, 0.1)
    store.save_verdicts(RUN, [ScenarioVerdict(scenario=DASHBOARD, verdict=Verdict.INVALID)])
    assert store.series(SERVICE) == []
