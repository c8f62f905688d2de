from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from loadtasks.results.repetitions import RepetitionReason
from loadtasks.verdict.history.baselines import MIN_BASELINE_RUNS
from loadtasks.verdict.history.detector import Detector
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.series_judgement import DetectorState, Judgement
from loadtasks.verdict.history.series_settings import SeriesSettings
from tests.series import drift

Values = NDArray[np.float64]

TIMES = SeriesSettings(min_effect=0.02, share=1.0)


def judge(
    values: Values,
    series: SeriesSettings = TIMES,
    runs_per_false_alarm: float = 365,
    then: Callable[[Detector, int, Judgement], None] = lambda *_: None,
    accept_improvements: bool = True,
) -> list[Judgement]:
    """One series' judgements, run by run; `then` acts on each."""
    detector = Detector([series], FalseAlarmBudget(runs_per_false_alarm), accept_improvements)
    judged = []
    for run, value in enumerate(values):
        judged += detector.observe(np.array([value]))
        then(detector, run, judged[-1])
    return judged


def raised(judged: list[Judgement], state: DetectorState = DetectorState.REGRESSED) -> list[int]:
    return [run for run, judgement in enumerate(judged) if judgement.raised and judgement.state is state]


def shifted(size: float, at: int = 30, runs: int = 60, cv: float = 0.05, seed: int = 1) -> Values:
    values = drift(cv=cv, runs=runs, seed=seed)[0]
    values[at:] += size
    return values


def test_the_first_runs_report_how_many_the_baseline_still_needs() -> None:
    judged = judge(drift(runs=MIN_BASELINE_RUNS + 1)[0])
    assert [judgement.missing_runs for judgement in judged] == [*range(MIN_BASELINE_RUNS - 1, 0, -1), 0, 0]
    assert {judgement.state for judgement in judged[: MIN_BASELINE_RUNS - 1]} == {DetectorState.LEARNING}
    assert judged[MIN_BASELINE_RUNS].state is DetectorState.NORMAL


def test_false_alarms_keep_the_family_s_budget() -> None:
    series, runs, budget = 60, 120, 20
    values = drift(cv=0.1, series=series, runs=runs, seed=7)
    detector = Detector([SeriesSettings(min_effect=0.02, share=1 / series)] * series, FalseAlarmBudget(budget))
    false = 0
    for run in range(runs):
        for row, judgement in enumerate(detector.observe(values[:, run])):
            if judgement.raised and judgement.state is DetectorState.REGRESSED:
                false += 1
                detector.dismiss(row)
    assert 0 < false <= 2 * runs / budget


@pytest.mark.parametrize("size", [0.10, 0.20, 0.70])
def test_a_shift_is_found_with_its_first_run_and_size(size: float) -> None:
    found = 0
    detector = Detector([TIMES] * 40, FalseAlarmBudget(365))
    values = np.stack([shifted(size, seed=seed) for seed in range(40)])
    for run in range(42):
        for judgement in detector.observe(values[:, run]):
            change = judgement.change if judgement.raised and run >= 30 else None
            found += change is not None and change.earliest <= 30 <= change.latest and change.low <= size <= change.high
    assert found >= 28


def test_a_large_shift_takes_three_runs_and_a_single_run_raises_no_alarm() -> None:
    assert raised(judge(shifted(1.0, at=40))) in ([41], [42])
    once = shifted(0.0)
    once[40] += 1.0
    assert raised(judge(once)) == []


@given(st.floats(0.3, 2.3))
@settings(max_examples=5, deadline=None)
def test_no_single_run_that_is_not_repeated_raises_an_alarm_up_to_ten_times_as_slow(size: float) -> None:
    calm = drift(cv=0.02, runs=60, seed=3)[0]
    before = [judgement.log_odds for judgement in judge(calm)]
    bad = [run for run in range(MIN_BASELINE_RUNS, 60) if before[run - 1] < -1.3]
    values = np.tile(calm, (len(bad), 1))
    values[np.arange(len(bad)), bad] += size
    detector = Detector([TIMES] * len(bad), FalseAlarmBudget(365))
    judged = [detector.observe(values[:, run]) for run in range(60)]
    assert len(bad) > 20
    assert not any(judged[run][row].raised for row, run in enumerate(bad))


@given(st.floats(-20, 20), st.integers(0, 5))
@settings(max_examples=6, deadline=None)
def test_the_level_itself_makes_no_difference(level: float, seed: int) -> None:
    values = shifted(0.1, seed=seed)
    here, there = judge(values), judge(values + level)
    assert [judgement.state for judgement in here] == [judgement.state for judgement in there]
    assert [judgement.log_odds for judgement in here] == pytest.approx(
        [judgement.log_odds for judgement in there], abs=1e-6
    )


@given(st.sets(st.integers(0, 59), max_size=15))
@settings(max_examples=6, deadline=None)
def test_runs_without_a_valid_value_change_nothing(gaps: set[int]) -> None:
    values = shifted(0.15)
    gappy = [np.nan if run in gaps else values[run] for run in range(60)]
    with_gaps = judge(np.array(gappy))
    without = judge(np.array([value for value in gappy if not np.isnan(value)]))
    assert [judgement.state for run, judgement in enumerate(with_gaps) if run not in gaps] == [
        judgement.state for judgement in without
    ]
    assert not any(with_gaps[run].raised for run in gaps)


def test_series_side_by_side_are_judged_as_each_alone() -> None:
    values = np.stack([shifted(0.2), drift(runs=60, seed=4)[0], -shifted(0.2, seed=2)])
    family = [TIMES, TIMES, SeriesSettings(min_effect=0.02, share=1.0, worse_up=False)]
    detector = Detector(family, FalseAlarmBudget(365))
    together = [detector.observe(values[:, run]) for run in range(60)]
    for row, series in enumerate(family):
        alone = judge(values[row], series)
        assert [judgement[row].state for judgement in together] == [judgement.state for judgement in alone]


def test_less_throughput_is_worse_and_more_is_better() -> None:
    throughput = SeriesSettings(min_effect=0.02, share=1.0, worse_up=False)
    (run,) = raised(judge(shifted(-0.3), throughput))
    change = judge(shifted(-0.3), throughput)[run].change
    assert change is not None
    assert change.low < -0.3 < change.high < 0
    assert raised(judge(shifted(0.3), throughput)) == []
    assert raised(judge(shifted(0.3), throughput), DetectorState.IMPROVED)


def test_a_change_below_the_minimum_effect_is_suspected_and_raises_no_alarm() -> None:
    judged = judge(shifted(0.03, cv=0.004), SeriesSettings(min_effect=0.05, share=1.0))
    assert raised(judged) == []
    assert DetectorState.SUSPECTED in {judgement.state for judgement in judged}
    assert raised(judge(shifted(0.03, cv=0.004), TIMES))


def test_a_series_that_never_varied_raises_no_alarm_at_its_first_variation() -> None:
    values = np.zeros(60)
    values[40:] += np.tile([0.0, 0.004], 10)
    assert raised(judge(values)) == []


def test_an_open_regression_is_not_raised_again_and_recovers() -> None:
    values = shifted(0.3, at=30, runs=90)
    values[50:] -= 0.3
    judged = judge(values)
    (run,) = raised(judged)
    assert {judgement.state for judgement in judged[run:50]} == {DetectorState.REGRESSED}
    (recovered,) = [run for run, judgement in enumerate(judged) if judgement.recovered]
    assert 50 <= recovered <= 53
    assert DetectorState.REGRESSED not in {judgement.state for judgement in judged[recovered:]}


def test_a_single_good_run_is_no_recovery() -> None:
    values = shifted(0.3, at=30)
    values[50] -= 0.4
    assert judge(values)[-1].state is DetectorState.REGRESSED


def test_a_regression_after_a_recovery_is_raised_anew() -> None:
    values = shifted(0.3, at=30, runs=100)
    values[50:70] -= 0.3
    first, second = raised(judge(values))
    assert 30 <= first < 35
    assert 70 <= second < 76


def test_an_accepted_regression_is_the_baseline() -> None:
    def accept(detector: Detector, run: int, _: Judgement) -> None:
        if run == 50:
            detector.accept(0)

    values = shifted(0.3, at=30, runs=130)
    values[90:] -= 0.3
    judged = judge(values, then=accept)
    assert len(raised(judged)) == 1
    assert judged[60].state is DetectorState.NORMAL
    (improved,) = raised(judged, DetectorState.IMPROVED)
    assert 90 <= improved < 95


def test_evidence_is_collected_anew_after_a_dismissed_regression() -> None:
    def dismiss(detector: Detector, _: int, judgement: Judgement) -> None:
        if judgement.raised:
            detector.dismiss(0)

    judged = judge(shifted(0.2), then=dismiss)
    first, *later = raised(judged)
    assert judged[first + 1].state is DetectorState.NORMAL
    assert judged[first + 1].log_odds < judged[first].log_odds
    assert later


def test_more_runs_narrow_the_interval_of_an_open_regression() -> None:
    detector = Detector([TIMES], FalseAlarmBudget(365))
    widths = []
    for value in shifted(0.3):
        (judgement,) = detector.observe(np.array([value]))
        if judgement.state is DetectorState.REGRESSED:
            change = detector.change(0)
            widths.append(change.high - change.low)
    assert widths[-1] < 0.6 * widths[0]


def test_an_improvement_is_raised_once_and_becomes_the_baseline() -> None:
    values = shifted(-0.3, at=30, runs=110)
    values[80:] += 0.3
    judged = judge(values)
    assert len(raised(judged, DetectorState.IMPROVED)) == 1
    (regressed,) = raised(judged)
    assert 80 <= regressed < 85


def test_an_improvement_that_is_not_accepted_may_be_lost_again() -> None:
    values = shifted(-0.3, at=30, runs=110)
    values[80:] += 0.3
    judged = judge(values, accept_improvements=False)
    assert len(raised(judged, DetectorState.IMPROVED)) == 1
    assert judged[79].state is DetectorState.IMPROVED
    assert any(judgement.recovered for judgement in judged[80:85])
    assert raised(judged) == []


def with_baseline(equal_repetitions: bool = False) -> Detector:
    """A series with a baseline of 30 steady runs, repeated where that was due."""
    detector, own = Detector([TIMES], FalseAlarmBudget(365)), drift(runs=120, seed=9)[0]
    for run, value in enumerate(drift(runs=30, seed=8)[0]):
        detector.begin_run(np.array([value]))
        for repetition in range(3):
            if detector.repetitions_due() != [None]:
                detector.add_repetition(np.array([value if equal_repetitions else own[4 * run + repetition]]))
        detector.judge()
    return detector


def odds(detector: Detector, *values: float) -> float:
    """The log odds of a run with these repetitions."""
    detector.begin_run(np.array(values[:1]))
    for value in values[1:]:
        detector.add_repetition(np.array([value]))
    (judged,) = detector.judge()
    return judged.log_odds


def test_runs_of_a_short_baseline_are_repeated_once_but_for_the_first_two() -> None:
    detector, due = Detector([TIMES], FalseAlarmBudget(365)), []
    for value in drift(runs=MIN_BASELINE_RUNS)[0]:
        detector.begin_run(np.array([value]))
        due.append(detector.repetitions_due()[0])
        detector.add_repetition(np.array([value]))
        assert detector.repetitions_due() == [None]
        detector.judge()
    assert due == [None, None, *[RepetitionReason.LEARNING] * (MIN_BASELINE_RUNS - 3), None]


def test_a_run_that_looks_worse_is_repeated_up_to_three_times() -> None:
    detector = with_baseline()
    for _ in range(2):
        detector.begin_run(np.array([0.3]))
        detector.judge()
    detector.begin_run(np.array([0.3]))
    due = [detector.repetitions_due()[0]]
    for _ in range(3):
        detector.add_repetition(np.array([0.3]))
        due.append(detector.repetitions_due()[0])
    assert due == [RepetitionReason.SUSPECT] * 3 + [None]


def test_repetitions_clear_a_suspected_run_or_confirm_it() -> None:
    once, cleared, confirmed = (
        odds(with_baseline(), 0.08, *repetitions) for repetitions in ((), (0.0, -0.01), (0.08, 0.07))
    )
    assert cleared < once < confirmed


def test_repetitions_that_are_always_equal_add_no_evidence() -> None:
    assert odds(with_baseline(equal_repetitions=True), 0.08, 0.08, 0.08) == pytest.approx(
        odds(with_baseline(equal_repetitions=True), 0.08), abs=0.2
    )
    assert odds(with_baseline(), 0.08, 0.08, 0.08) > odds(with_baseline(), 0.08) + 0.3


def test_a_large_shift_is_found_in_its_first_run_when_all_repetitions_show_it() -> None:
    detector = with_baseline()
    detector.begin_run(np.array([0.7]))
    for value in (0.72, 0.69, 0.7):
        detector.add_repetition(np.array([value]))
    (judged,) = detector.judge()
    assert judged.raised
    assert judged.change is not None
    assert judged.change.low < 0.7 < judged.change.high
    for milder in range(4):
        detector = with_baseline()
        detector.begin_run(np.array([0.0 if milder == 0 else 0.7]))
        for repetition in range(1, 4):
            detector.add_repetition(np.array([0.0 if milder == repetition else 0.7]))
        assert not detector.judge()[0].raised


def test_each_series_is_repeated_by_itself() -> None:
    detector, values = Detector([TIMES] * 3, FalseAlarmBudget(365)), drift(series=3, runs=33)
    for run in range(30):
        detector.observe(values[:, run])
    for _ in range(2):
        detector.observe(np.array([0.3, 0.3, 0.3]))
    detector.begin_run(np.array([0.3, 0.3, np.nan]))
    assert detector.repetitions_due() == [RepetitionReason.SUSPECT, RepetitionReason.SUSPECT, None]
    for _ in range(3):
        detector.add_repetition(np.array([0.3, np.nan, 0.3]))
    assert detector.repetitions_due() == [None, RepetitionReason.SUSPECT, None]
    _, once, absent = detector.judge()
    alone = Detector([TIMES] * 2, FalseAlarmBudget(365))
    for run in range(30):
        alone.observe(values[1:, run])
    for value in (0.3, 0.3, np.nan):
        judged = alone.observe(np.array([0.3, value]))
    assert (once, absent) == tuple(judged)


def family(scenarios: int = 13) -> list[SeriesSettings]:
    """One series of each of several scenarios that share a budget, with half of its scenario's share."""
    return [SeriesSettings(min_effect=0.03, share=0.5 / scenarios)] * scenarios


def run_repeated(detector: Detector, value: Values, repetitions: Sequence[Values]) -> list[Judgement]:
    """A run whose series are repeated as it is due."""
    detector.begin_run(value)
    for further in repetitions:
        due = np.array([reason is not None for reason in detector.repetitions_due()])
        detector.add_repetition(np.where(due, further, np.nan))
    return detector.judge()


@pytest.mark.parametrize(("step", "after"), [(4.0, 1), (2.0, 4), (4.0, 16), (11.0, 16)])
@pytest.mark.parametrize("cv", [0.03, 0.1])
def test_a_large_step_is_found_in_its_first_run_and_in_no_other_series(step: float, after: int, cv: float) -> None:
    for seed in range(3):
        values = np.stack([drift(cv=cv, series=13, runs=after + 1, seed=seed + more) for more in (0, 90, 91, 92)])
        values[:, 0, after] += np.log(step)
        detector = Detector(family(), FalseAlarmBudget(100))
        judged = [run_repeated(detector, values[0, :, run], values[1:, :, run]) for run in range(after + 1)]
        raised_at = [(run, row) for run, row in np.ndindex(after + 1, 13) if judged[run][row].raised]
        assert raised_at == [(after, 0)]


def test_a_step_in_a_young_baseline_that_later_runs_do_not_show_is_over() -> None:
    detector = Detector([TIMES], FalseAlarmBudget(100))
    run_repeated(detector, np.array([0.0]), [])
    (found,) = run_repeated(detector, np.array([1.5]), [np.array([value]) for value in (1.45, 1.5, 1.55)])
    assert found.raised
    assert found.change is not None
    assert found.change.low < 1.5 < found.change.high
    states = [detector.observe(np.array([value]))[0] for value in (1.4, 0.05, 0.0)]
    assert [judgement.state for judgement in states] == [
        DetectorState.REGRESSED,
        DetectorState.RECOVERING,
        DetectorState.NORMAL,
    ]
    assert states[-1].recovered


def test_a_dismissed_step_of_a_young_baseline_is_not_raised_by_the_next_run_like_it() -> None:
    detector = Detector([TIMES], FalseAlarmBudget(100))
    slow = [np.array([value]) for value in (1.5, 1.5, 1.5)]
    run_repeated(detector, np.array([0.0]), [])
    assert run_repeated(detector, np.array([1.55]), slow)[0].raised
    detector.dismiss(0)
    assert not run_repeated(detector, np.array([1.5]), slow)[0].raised


def test_a_young_family_raises_hardly_any_false_alarm() -> None:
    claims = 0
    for seed in range(6):
        values = np.stack([drift(cv=0.15, series=13, runs=14, seed=100 * seed + more) for more in range(4)])
        detector = Detector(family(), FalseAlarmBudget(100))
        for run in range(14):
            judged = run_repeated(detector, values[0, :, run], values[1:, :, run])
            claims += sum(judgement.raised and judgement.state is DetectorState.REGRESSED for judgement in judged)
    assert claims == 0


def test_a_series_of_two_modes_raises_hardly_any_alarm_once_it_has_shown_them() -> None:
    random = np.random.default_rng(4)
    values = drift(cv=0.02, series=8, runs=200, seed=5) + 0.3 * (random.random((8, 200)) < 0.3)
    detector = Detector([SeriesSettings(min_effect=0.03, share=0.05)] * 8, FalseAlarmBudget(100))
    alarms = 0
    for run in range(200):
        for row, judgement in enumerate(detector.observe(values[:, run])):
            if judgement.raised and judgement.state is DetectorState.REGRESSED:
                alarms += run >= 40
                detector.dismiss(row)
    assert alarms == 0


def false_alarms(values: Values, peers: int | None) -> int:
    """How many alarms a family raises, each dismissed; `values`: scenarios x runs x repetitions."""
    settings = [SeriesSettings(min_effect=0.03, share=1 / len(values), peers=peers)] * len(values)
    detector = Detector(settings, FalseAlarmBudget(100))
    alarms = 0
    for run in range(values.shape[1]):
        further = [values[:, run, number] for number in range(1, values.shape[2])]
        for row, judgement in enumerate(run_repeated(detector, values[:, run, 0], further)):
            if judgement.raised and judgement.state is DetectorState.REGRESSED:
                alarms += 1
                detector.dismiss(row)
    return alarms


def test_peers_teach_each_other_that_consecutive_runs_are_alike() -> None:
    values = drift(cv=0.1, correlation=0.85, series=12, runs=120, seed=3)[:, :, None]
    assert false_alarms(values, peers=1) <= 2
    assert false_alarms(values, peers=None) >= 6


def test_peers_teach_each_other_that_disturbances_last_through_all_repetitions() -> None:
    random = np.random.default_rng(8)
    bad = (random.random((12, 120)) < 0.04) * random.exponential(np.log(1.5), (12, 120))
    values = bad[:, :, None] + 0.05 * random.standard_normal((12, 120, 4))
    assert false_alarms(values, peers=1) <= 6
    assert false_alarms(values, peers=None) >= 9


@pytest.mark.parametrize(("before", "size"), [(18, 0.35), (40, 0.35)])
def test_a_shift_of_all_peers_is_found_as_soon_as_if_each_were_alone(before: int, size: float) -> None:
    values = np.stack([drift(cv=0.05, correlation=0.0, series=12, runs=before + 6, seed=seed) for seed in range(4)])
    values[:, :, before:] += size
    found = []
    for peers in (1, None):
        detector = Detector([SeriesSettings(0.03, share=1 / 12, peers=peers)] * 12, FalseAlarmBudget(100))
        raised_in = {}
        for run in range(before + 6):
            for row, judgement in enumerate(run_repeated(detector, values[0, :, run], values[1:, :, run])):
                if judgement.raised:
                    raised_in.setdefault(row, run)
        found.append(sum(raised_in.values()) + (12 - len(raised_in)) * (before + 6))
    assert found[0] <= found[1] + 3


def test_times_in_ticks_of_which_over_half_agree_keep_the_budget() -> None:
    random = np.random.default_rng(6)
    ticks = np.log(np.rint(5.5 + 0.1 * random.standard_normal((10, 150)) + 0.05))
    detector = Detector([SeriesSettings(min_effect=0.03, share=0.1)] * 10, FalseAlarmBudget(100))
    assert sum(judged.raised for run in range(150) for judged in detector.observe(ticks[:, run])) <= 2


def test_an_improvement_that_is_lost_at_once_was_none() -> None:
    values = shifted(-0.3, at=30, runs=70)
    values[37:] += 0.3
    judged = judge(values)
    (improved,) = raised(judged, DetectorState.IMPROVED)
    assert improved < 37
    (withdrawn,) = [run for run, judgement in enumerate(judged) if judgement.recovered]
    assert 37 <= withdrawn < 41
    assert {judgement.state for judgement in judged[withdrawn:]} == {DetectorState.NORMAL}


def test_a_loss_of_a_gain_is_found_though_it_hardly_goes_beyond_the_level_before_it() -> None:
    values = np.stack([shifted(-0.10, at=40, runs=70, cv=0.02, seed=seed) for seed in range(10)])
    values[:, 55:] += 0.12
    detector = Detector([SeriesSettings(min_effect=0.03, share=0.05)] * 10, FalseAlarmBudget(100))
    judged = [detector.observe(values[:, run]) for run in range(66)]
    found = {row for run in range(55, 66) for row in range(10) if judged[run][row].state is DetectorState.REGRESSED}
    assert len(found) == 10


def test_a_regression_after_an_accepted_one_is_found_though_its_baseline_is_short() -> None:
    def accept(detector: Detector, _: int, judgement: Judgement) -> None:
        if judgement.raised:
            detector.accept(0)

    values = shifted(0.4, at=30, runs=60)
    values[40:] += 0.4
    first, second = raised(judge(values, then=accept))
    assert 30 <= first < 34
    assert 40 <= second < 45


def test_a_dismissal_raises_the_threshold_for_a_while() -> None:
    detector = Detector([TIMES], FalseAlarmBudget(365))
    for value in shifted(0.3)[:40]:
        (judgement,) = detector.observe(np.array([value]))
        if judgement.raised:
            break
    assert detector.threshold_raised(0) == 0
    detector.dismiss(0)
    step = detector.threshold_raised(0)
    assert step > 0.5
    detector.observe(np.array([0.3]))
    assert 0.9 * step < detector.threshold_raised(0) < step
