from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from loadtasks.results.repetitions import RepetitionReason
from loadtasks.verdict.history.detector import (
    NEEDED,
    Detector,
    DetectorState,
    Judgement,
    SeriesSettings,
)
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from tests.series import drift

Values = NDArray[np.float64]

TIMES = SeriesSettings(min_effect=0.02, share=1.0)


def judge(
    values: Values,
    series: SeriesSettings = TIMES,
    nights: float = 365,
    then: Callable[[Detector, int, Judgement], None] = lambda *_: None,
    accept_improvements: bool = True,
) -> list[Judgement]:
    """One series' judgements, night by night; `then` acts on each."""
    history = Detector([series], FalseAlarmBudget(nights), accept_improvements)
    judged = []
    for night, value in enumerate(values):
        judged += history.observe(np.array([value]))
        then(history, night, judged[-1])
    return judged


def raised(judged: list[Judgement], state: DetectorState = DetectorState.REGRESSED) -> list[int]:
    return [night for night, each in enumerate(judged) if each.raised and each.state is state]


def shifted(size: float, at: int = 30, nights: int = 60, cv: float = 0.05, seed: int = 1) -> Values:
    values = drift(cv=cv, runs=nights, seed=seed)[0]
    values[at:] += size
    return values


def test_the_first_nights_say_how_many_are_still_needed() -> None:
    judged = judge(drift(runs=NEEDED + 1)[0])
    assert [each.needed for each in judged] == [*range(NEEDED - 1, 0, -1), 0, 0]
    assert {each.state for each in judged[: NEEDED - 1]} == {DetectorState.LEARNING}
    assert judged[NEEDED].state is DetectorState.NORMAL


def test_false_alarms_keep_the_family_s_budget() -> None:
    series, nights, budget = 60, 120, 20
    values = drift(cv=0.1, series=series, runs=nights, seed=7)
    history = Detector([SeriesSettings(min_effect=0.02, share=1 / series)] * series, FalseAlarmBudget(budget))
    false = 0
    for night in range(nights):
        for row, each in enumerate(history.observe(values[:, night])):
            if each.raised and each.state is DetectorState.REGRESSED:
                false += 1
                history.dismiss(row)
    assert 0 < false <= 2 * nights / budget


@pytest.mark.parametrize("size", [0.10, 0.20, 0.70])
def test_a_shift_is_found_with_its_first_night_and_size(size: float) -> None:
    found = 0
    history = Detector([TIMES] * 40, FalseAlarmBudget(365))
    values = np.stack([shifted(size, seed=seed) for seed in range(40)])
    for night in range(42):
        for each in history.observe(values[:, night]):
            change = each.change if each.raised and night >= 30 else None
            found += change is not None and change.earliest <= 30 <= change.latest and change.low <= size <= change.high
    assert found >= 32


def test_a_large_shift_takes_three_nights_and_a_single_night_never_does() -> None:
    assert raised(judge(shifted(1.0, at=40))) in ([41], [42])
    once = shifted(0.0)
    once[40] += 1.0
    assert raised(judge(once)) == []


@given(st.floats(0.3, 100.0))
@settings(max_examples=5, deadline=None)
def test_no_single_night_raises_an_alarm_however_bad(size: float) -> None:
    calm = drift(cv=0.02, runs=60, seed=3)[0]
    before = [each.odds for each in judge(calm)]
    bad = [night for night in range(NEEDED, 60) if before[night - 1] < -1.3]
    values = np.tile(calm, (len(bad), 1))
    values[np.arange(len(bad)), bad] += size
    history = Detector([TIMES] * len(bad), FalseAlarmBudget(365))
    judged = [history.observe(values[:, night]) for night in range(60)]
    assert len(bad) > 20
    assert not any(judged[night][row].raised for row, night in enumerate(bad))


@given(st.floats(-20, 20), st.integers(0, 5))
@settings(max_examples=6, deadline=None)
def test_where_the_level_lies_makes_no_difference(place: float, seed: int) -> None:
    values = shifted(0.1, seed=seed)
    here, there = judge(values), judge(values + place)
    assert [each.state for each in here] == [each.state for each in there]
    assert [each.odds for each in here] == pytest.approx([each.odds for each in there], abs=1e-6)


@given(st.sets(st.integers(0, 59), max_size=15))
@settings(max_examples=6, deadline=None)
def test_nights_without_a_valid_value_are_as_if_they_had_not_been(gaps: set[int]) -> None:
    values = shifted(0.15)
    gappy = [np.nan if night in gaps else values[night] for night in range(60)]
    with_gaps = judge(np.array(gappy))
    without = judge(np.array([each for each in gappy if not np.isnan(each)]))
    assert [each.state for night, each in enumerate(with_gaps) if night not in gaps] == [each.state for each in without]
    assert not any(with_gaps[night].raised for night in gaps)


def test_series_side_by_side_are_judged_as_each_alone() -> None:
    values = np.stack([shifted(0.2), drift(runs=60, seed=4)[0], -shifted(0.2, seed=2)])
    family = [TIMES, TIMES, SeriesSettings(min_effect=0.02, share=1.0, worse_up=False)]
    history = Detector(family, FalseAlarmBudget(365))
    together = [history.observe(values[:, night]) for night in range(60)]
    for row, series in enumerate(family):
        alone = judge(values[row], series)
        assert [each[row].state for each in together] == [each.state for each in alone]


def test_less_throughput_is_worse_and_more_is_better() -> None:
    throughput = SeriesSettings(min_effect=0.02, share=1.0, worse_up=False)
    (night,) = raised(judge(shifted(-0.3), throughput))
    change = judge(shifted(-0.3), throughput)[night].change
    assert change is not None
    assert change.low < -0.3 < change.high < 0
    assert raised(judge(shifted(0.3), throughput)) == []
    assert raised(judge(shifted(0.3), throughput), DetectorState.IMPROVED)


def test_what_is_smaller_than_the_floor_is_a_suspicion_and_no_alarm() -> None:
    judged = judge(shifted(0.03, cv=0.004), SeriesSettings(min_effect=0.05, share=1.0))
    assert raised(judged) == []
    assert DetectorState.SUSPECT in {each.state for each in judged}
    assert raised(judge(shifted(0.03, cv=0.004), TIMES))


def test_a_series_that_never_varied_isn_t_alarmed_by_its_first_stir() -> None:
    values = np.zeros(60)
    values[40:] += np.tile([0.0, 0.004], 10)
    assert raised(judge(values)) == []


def test_an_open_regression_is_not_raised_again_and_recovers() -> None:
    values = shifted(0.3, at=30, nights=90)
    values[50:] -= 0.3
    judged = judge(values)
    (night,) = raised(judged)
    assert {each.state for each in judged[night:50]} == {DetectorState.REGRESSED}
    (recovered,) = [night for night, each in enumerate(judged) if each.recovered]
    assert 50 <= recovered <= 53
    assert DetectorState.REGRESSED not in {each.state for each in judged[recovered:]}


def test_a_single_good_night_is_no_recovery() -> None:
    values = shifted(0.3, at=30)
    values[50] -= 0.4
    assert judge(values)[-1].state is DetectorState.REGRESSED


def test_a_regression_after_a_recovery_is_raised_anew() -> None:
    values = shifted(0.3, at=30, nights=100)
    values[50:70] -= 0.3
    first, second = raised(judge(values))
    assert 30 <= first < 35
    assert 70 <= second < 76


def test_an_accepted_regression_is_the_level() -> None:
    def accept(history: Detector, night: int, _: Judgement) -> None:
        if night == 50:
            history.accept(0)

    values = shifted(0.3, at=30, nights=130)
    values[90:] -= 0.3
    judged = judge(values, then=accept)
    assert len(raised(judged)) == 1
    assert judged[60].state is DetectorState.NORMAL
    (improved,) = raised(judged, DetectorState.IMPROVED)
    assert 90 <= improved < 95


def test_a_dismissed_regression_gathers_evidence_anew() -> None:
    def dismiss(history: Detector, _: int, judgement: Judgement) -> None:
        if judgement.raised:
            history.dismiss(0)

    judged = judge(shifted(0.2), then=dismiss)
    first, *later = raised(judged)
    assert judged[first + 1].state is DetectorState.NORMAL
    assert judged[first + 1].odds < judged[first].odds
    assert later


def test_the_size_of_an_open_regression_is_known_better_with_more_nights() -> None:
    history = Detector([TIMES], FalseAlarmBudget(365))
    widths = []
    for value in shifted(0.3):
        (judgement,) = history.observe(np.array([value]))
        if judgement.state is DetectorState.REGRESSED:
            change = history.change(0)
            widths.append(change.high - change.low)
    assert widths[-1] < 0.6 * widths[0]


def test_an_improvement_is_told_once_and_becomes_the_level() -> None:
    values = shifted(-0.3, at=30, nights=110)
    values[80:] += 0.3
    judged = judge(values)
    assert len(raised(judged, DetectorState.IMPROVED)) == 1
    (regressed,) = raised(judged)
    assert 80 <= regressed < 85


def test_an_improvement_that_is_not_to_be_the_level_may_go_again() -> None:
    values = shifted(-0.3, at=30, nights=110)
    values[80:] += 0.3
    judged = judge(values, accept_improvements=False)
    assert len(raised(judged, DetectorState.IMPROVED)) == 1
    assert judged[79].state is DetectorState.IMPROVED
    assert any(each.recovered for each in judged[80:85])
    assert raised(judged) == []


def learnt(alike: bool = False) -> Detector:
    """A series with a past of 30 quiet nights, measured again where that was asked."""
    history, own = Detector([TIMES], FalseAlarmBudget(365)), drift(runs=120, seed=9)[0]
    for night, value in enumerate(drift(runs=30, seed=8)[0]):
        history.begin(np.array([value]))
        for repetition in range(3):
            if history.again() != [None]:
                history.add(np.array([value if alike else own[4 * night + repetition]]))
        history.judge()
    return history


def odds(history: Detector, *values: float) -> float:
    """Of a night with these measurements."""
    history.begin(np.array(values[:1]))
    for value in values[1:]:
        history.add(np.array([value]))
    (judged,) = history.judge()
    return judged.odds


def test_learning_nights_are_measured_twice_but_for_the_first_ones() -> None:
    history, asked = Detector([TIMES], FalseAlarmBudget(365)), []
    for value in drift(runs=NEEDED)[0]:
        history.begin(np.array([value]))
        asked.append(history.again()[0])
        history.add(np.array([value]))
        assert history.again() == [None]
        history.judge()
    assert asked == [None, None, *[RepetitionReason.LEARNING] * (NEEDED - 3), None]


def test_a_night_that_looks_bad_is_measured_again_up_to_three_times() -> None:
    history = learnt()
    for _ in range(2):
        history.begin(np.array([0.3]))
        history.judge()
    history.begin(np.array([0.3]))
    asked = [history.again()[0]]
    for _ in range(3):
        history.add(np.array([0.3]))
        asked.append(history.again()[0])
    assert asked == [RepetitionReason.SUSPECT] * 3 + [None]


def test_what_is_measured_again_clears_a_suspicion_or_confirms_it() -> None:
    once, cleared, confirmed = (odds(learnt(), 0.08, *again) for again in ((), (0.0, -0.01), (0.08, 0.07)))
    assert cleared < once < confirmed


def test_the_same_again_says_nothing_where_one_night_s_measurements_are_alike() -> None:
    assert odds(learnt(alike=True), 0.08, 0.08, 0.08) == pytest.approx(odds(learnt(alike=True), 0.08), abs=0.2)
    assert odds(learnt(), 0.08, 0.08, 0.08) > odds(learnt(), 0.08) + 0.3


def test_a_large_change_is_found_in_its_first_night_when_all_of_its_measurements_show_it() -> None:
    history = learnt()
    history.begin(np.array([0.7]))
    for value in (0.72, 0.69, 0.7):
        history.add(np.array([value]))
    (judged,) = history.judge()
    assert judged.raised
    assert judged.change is not None
    assert judged.change.low < 0.7 < judged.change.high
    for milder in range(4):
        history = learnt()
        history.begin(np.array([0.0 if milder == 0 else 0.7]))
        for repetition in range(1, 4):
            history.add(np.array([0.0 if milder == repetition else 0.7]))
        assert not history.judge()[0].raised


def test_each_series_is_measured_again_for_itself() -> None:
    history, values = Detector([TIMES] * 3, FalseAlarmBudget(365)), drift(series=3, runs=33)
    for night in range(30):
        history.observe(values[:, night])
    for _ in range(2):
        history.observe(np.array([0.3, 0.3, 0.3]))
    history.begin(np.array([0.3, 0.3, np.nan]))
    assert history.again() == [RepetitionReason.SUSPECT, RepetitionReason.SUSPECT, None]
    for _ in range(3):
        history.add(np.array([0.3, np.nan, 0.3]))
    assert history.again() == [None, RepetitionReason.SUSPECT, None]
    _, once, absent = history.judge()
    alone = Detector([TIMES] * 2, FalseAlarmBudget(365))
    for night in range(30):
        alone.observe(values[1:, night])
    for value in (0.3, 0.3, np.nan):
        judged = alone.observe(np.array([0.3, value]))
    assert (once, absent) == tuple(judged)
