"""What the rounds beside a reference show, and when there are enough of them."""

from collections.abc import Sequence

import numpy as np
import pytest

from loadtasks.engine.recording.round_ratios import RoundRatios
from loadtasks.results.findings.causes.slowness import SlowStep
from loadtasks.results.findings.codes import FindingCode, FindingKind, Likelihood
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.pairing import Pairing
from loadtasks.verdict.compare_run import KnownHistory, compare_run
from loadtasks.verdict.history.findings import Compared
from loadtasks.verdict.reference.findings import ReferenceRounds, RoundBudget, compare_rounds
from tests.measurements import measurement

SCENARIO = "dashboard.concurrent"


def pairs(
    rounds: int = 30,
    *,
    noise: float = 0.03,
    saturated: int = 0,
    requests: int = 100,
    part: str = "",
    **changes: float,
) -> RoundRatios:
    """Rounds in which metrics changed by so much, as in `p50_s=0.12`."""
    chance = np.random.default_rng(1)
    names = ("p50_s", "p95_s", "success_rate")
    drawn = {name: np.log1p(changes.get(name, 0.0)) + noise * chance.standard_normal(rounds) for name in names}
    return RoundRatios(
        part=part,
        candidate_first=[True, False] * (rounds // 2),
        saturated=[number < saturated for number in range(rounds)],
        requests=[requests] * rounds,
        log_ratios={name: each.tolist() for name, each in drawn.items()},
    )


def beside(*each: RoundRatios, **changes: object) -> ReferenceRounds:
    reference = [measurement(part=one.part, times_s=[0.1] * 100) for one in each]
    pairing = {"reference": reference, "round_ratios": list(each)} | changes
    return ReferenceRounds(Pairing.model_validate(pairing), "1.4.2")


def compared(*each: RoundRatios, **changes: object) -> Compared:
    return compare_rounds([measurement(part=one.part, times_s=[0.112] * 100) for one in each], beside(*each, **changes))


def kinds(findings: Sequence[Finding]) -> list[tuple[str, FindingKind]]:
    return [(finding.metric, finding.kind) for finding in findings]


def test_a_regression_is_told_with_its_size_its_interval_and_the_reference() -> None:
    found = compared(pairs(p50_s=0.12, p95_s=0.12))
    assert kinds(found.findings) == [("p50_s", FindingKind.REGRESSION), ("p95_s", FindingKind.REGRESSION)]
    sentence = found.findings[0].sentence
    for words in ("p50 +12 % (between +", "against the reference 1.4.2, in 30 rounds: 112 ms, there 100 ms"):
        assert words in sentence
    assert "moved" not in sentence
    comparison = found.comparisons[0]
    assert comparison.ratio == pytest.approx(1.12, abs=0.02)
    assert comparison.low is not None
    assert comparison.high is not None
    assert 1 < comparison.low < 1.12 < comparison.high


def test_whether_the_tail_moved_or_the_middle_is_told() -> None:
    (tail,) = compared(pairs(p95_s=0.4)).findings
    assert (tail.metric, "the tail moved, not the middle (p50 " in tail.sentence) == ("p95_s", True)
    (middle,) = compared(pairs(p50_s=0.4)).findings
    assert (middle.metric, "the middle moved, not the tail (p95 " in middle.sentence) == ("p50_s", True)


def test_of_the_tail_one_may_not_be_sure() -> None:
    noisy = pairs(p50_s=0.4)
    noisy.log_ratios["p95_s"] = pairs(noise=0.5).log_ratios["p95_s"]
    (middle,) = compared(noisy).findings
    assert "the middle moved, of the tail one can't be sure (p95 " in middle.sentence


def test_fewer_successes_are_a_regression_and_shorter_times_an_improvement() -> None:
    assert kinds(compared(pairs(success_rate=-0.2)).findings) == [("success_rate", FindingKind.REGRESSION)]
    assert kinds(compared(pairs(p50_s=-0.2)).findings) == [("p50_s", FindingKind.IMPROVEMENT)]


def test_two_like_builds_are_told_nothing_of() -> None:
    found = compared(pairs())
    assert found.findings == []
    assert {comparison.metric for comparison in found.comparisons} == {"p50_s", "p95_s", "success_rate"}


def test_what_one_can_not_be_sure_of_is_a_note_with_its_interval() -> None:
    (note,) = compared(pairs(noise=0.4), pairs(part="sessions", noise=0.4)).findings
    assert note.part == ""
    assert note.kind is FindingKind.HISTORY
    assert note.sentence.startswith("beside the reference: unsure of p50 ")
    assert "between" in note.sentence


def test_few_rounds_show_nothing_however_large_the_difference() -> None:
    found = compared(pairs(6, p50_s=4.0))
    (note,) = found.findings
    assert "unsure of p50 5" in note.sentence
    assert "between" not in note.sentence
    assert "in 6 rounds" in note.sentence
    assert (found.comparisons[0].low, found.comparisons[0].high) == (None, None)


def test_rounds_that_do_not_count_are_told() -> None:
    (note,) = compared(pairs(36, saturated=6)).findings
    assert note.sentence == "beside the reference: 6 of 36 rounds not judged: the load generator was saturated"


def test_the_tail_of_small_rounds_is_not_judged() -> None:
    assert compared(pairs(requests=19, p95_s=0.4)).findings == []


def test_each_part_is_judged() -> None:
    found = compared(pairs(), pairs(part="sessions", p50_s=0.3))
    assert [(finding.part, finding.kind) for finding in found.findings] == [("sessions", FindingKind.REGRESSION)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"problem": "it is down", "reference": [], "round_ratios": []}, "not compared, it is down"),
        ({"reference": [measurement(times_s=[], throttled=9)]}, "not compared, its own measurement can't be trusted"),
    ],
)
def test_without_a_reference_to_be_trusted_nothing_is_compared(changes: dict[str, object], says: str) -> None:
    found = compared(pairs(p50_s=2.0), **changes)
    (note,) = found.findings
    assert note.kind is FindingKind.HISTORY
    assert says in note.sentence
    assert found.comparisons == []


def test_a_run_is_judged_beside_its_reference_and_anew_with_the_same_verdict() -> None:
    slow = measurement(times_s=[0.5] * 100, server={"db": 0.4})
    reference = measurement(times_s=[0.1] * 100, server={"db": 0.02})
    beside_it = beside(pairs(p50_s=4.0, p95_s=4.0), reference=[reference])
    judged = [ScenarioVerdict(scenario=SCENARIO, verdict=Verdict.PASS)]
    for _ in range(2):
        judged = compare_run(judged, [slow], KnownHistory(references={SCENARIO: beside_it})).verdicts
        (verdict,) = judged
        assert verdict.verdict is Verdict.REGRESSED
        assert verdict.baseline_run is None
        (cause,) = [finding for finding in verdict.findings if finding.kind is FindingKind.DIAGNOSIS]
        assert cause.code is FindingCode.DATABASE_SLOW
        assert isinstance(cause.parameters, SlowStep)
        assert cause.parameters.step.before_s is not None


def test_what_grew_a_little_is_named_though_other_phases_stalled_in_some_rounds() -> None:
    rounds = pairs(p50_s=0.06)
    reference = measurement(times_s=[0.1] * 100, server={"db": 0.02, "total": 0.09})
    slower = measurement(times_s=[0.106] * 100, server={"db": 0.02, "total": 0.096})
    stalled = measurement(times_s=[0.206] * 100, server={"db": 0.12, "total": 0.196})
    for number in range(30):
        for name, now in (stalled if number % 5 == 0 else slower).phases.items():
            taken = now.total_s / 100, reference.phases[name].total_s / 100
            rounds.phases_s.setdefault(name, []).append(taken)
    judged = [ScenarioVerdict(scenario=SCENARIO, verdict=Verdict.PASS)]
    whole = measurement(times_s=[0.126] * 100, server={"db": 0.04, "total": 0.116})
    (verdict,) = compare_run(
        judged, [whole], KnownHistory(references={SCENARIO: beside(rounds, reference=[reference])})
    ).verdicts
    (cause,) = [finding for finding in verdict.findings if finding.kind is FindingKind.DIAGNOSIS]
    assert cause.code is FindingCode.TARGET_CODE_SLOW
    assert isinstance(cause.parameters, SlowStep)
    assert (cause.parameters.step.before_s, cause.parameters.step.now_s) == pytest.approx((0.07, 0.076))
    assert cause.likelihood is Likelihood.LIKELY


def test_a_note_is_not_told_twice() -> None:
    known = KnownHistory(references={SCENARIO: beside(pairs(noise=0.4))})
    once = compare_run([ScenarioVerdict(scenario=SCENARIO, verdict=Verdict.PASS)], [measurement()], known).verdicts
    assert len(once[0].findings) == 1
    assert compare_run(once, [measurement()], known).verdicts == once


def test_of_an_invalid_scenario_nothing_is_claimed() -> None:
    judged = [ScenarioVerdict(scenario=SCENARIO, verdict=Verdict.INVALID)]
    known = KnownHistory(references={SCENARIO: beside(pairs(p50_s=1.0))})
    (verdict,) = compare_run(judged, [measurement()], known).verdicts
    assert (verdict.verdict, verdict.comparisons) == (Verdict.INVALID, [])


def test_rounds_are_added_while_it_is_unsure_up_to_the_budget() -> None:
    budget = RoundBudget(rounds=60)
    assert budget.more_rounds([pairs(0)]) == 30
    assert budget.more_rounds([pairs(30, noise=0.4)]) == 30
    assert budget.more_rounds([pairs(44, noise=0.4)]) == 16
    assert RoundBudget().more_rounds([pairs(60, noise=0.4)]) == 60
    assert budget.more_rounds([pairs(60, noise=0.4)]) == 0


def test_none_is_added_once_it_is_known() -> None:
    assert RoundBudget().more_rounds([pairs(30)]) == 0
    assert RoundBudget().more_rounds([pairs(30, noise=0.1, p50_s=0.5)]) == 0


def test_rounds_that_do_not_count_are_made_up_for_within_the_budget() -> None:
    assert RoundBudget(rounds=60).more_rounds([pairs(30, saturated=10)]) == 10
    assert RoundBudget(rounds=60).more_rounds([pairs(50, saturated=40)]) == 10
    assert RoundBudget(rounds=60).more_rounds([pairs(60, saturated=60)]) == 0
