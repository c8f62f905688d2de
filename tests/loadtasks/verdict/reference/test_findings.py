"""What the rounds with a reference find."""

from collections.abc import Sequence

import numpy as np
import pytest

from loadtasks.engine.recording.round_ratios import RoundRatios
from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.causes.slowness import SlowStep
from loadtasks.results.findings.codes import FindingCode, FindingKind, Likelihood
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.reference import (
    Inconclusive,
    ReferenceFailing,
    ReferenceInvalid,
    ReferenceMissing,
    ReferenceShift,
    RoundsExcluded,
)
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.pairing import Pairing
from loadtasks.verdict.compare_run import KnownHistory, compare_run
from loadtasks.verdict.reference.findings import ComparedRounds, ReferenceRounds, compare_rounds
from loadtasks.verdict.reference.judged_rounds import judge_rounds
from loadtasks.verdict.reference.sequential_test import Rule
from tests.loadtasks.verdict.reference.rounds import round_ratios
from tests.measurements import measurement

SCENARIO = "dashboard.concurrent"


def reference_rounds(*parts: RoundRatios, **changes: object) -> ReferenceRounds:
    reference = [measurement(part=part.part, times_s=[0.1] * 100) for part in parts]
    pairing = {"reference": reference, "round_ratios": list(parts)} | changes
    return ReferenceRounds(Pairing.model_validate(pairing), "1.4.2")


def compared(*parts: RoundRatios, **changes: object) -> ComparedRounds:
    measurements = [measurement(part=part.part, times_s=[0.112] * 100) for part in parts]
    return compare_rounds(measurements, reference_rounds(*parts, **changes))


def codes(findings: Sequence[Finding]) -> list[tuple[str, FindingCode]]:
    return [(finding.metric, finding.code) for finding in findings]


def test_a_regression_has_its_ratio_its_interval_and_the_reference() -> None:
    found = compared(round_ratios(p50_s=0.12, p95_s=0.12))
    assert codes(found.findings) == [
        ("p50_s", FindingCode.REFERENCE_REGRESSION),
        ("p95_s", FindingCode.REFERENCE_REGRESSION),
    ]
    shift = found.findings[0].parameters
    assert isinstance(shift, ReferenceShift)
    assert (shift.reference_version, shift.rounds, shift.other) == ("1.4.2", 30, None)
    assert (found.findings[0].observed, found.findings[0].limit) == pytest.approx((0.112, 0.1), rel=2e-3)
    assert shift.low is not None
    assert shift.high is not None
    assert 1 < shift.low < 1.12 < shift.high
    comparison = found.comparisons[0]
    assert (comparison.ratio, comparison.low, comparison.high) == (shift.ratio, shift.low, shift.high)


@pytest.mark.parametrize(("shifted", "other"), [("p95_s", "p50_s"), ("p50_s", "p95_s")])
def test_the_time_that_did_not_shift_is_given(shifted: str, other: str) -> None:
    (finding,) = compared(round_ratios(**{shifted: 0.4})).findings
    assert finding.metric == shifted
    assert isinstance(finding.parameters, ReferenceShift)
    assert finding.parameters.other is not None
    assert (finding.parameters.other.metric, finding.parameters.other.inconclusive) == (other, False)


def test_the_tail_may_be_inconclusive() -> None:
    noisy = round_ratios(p50_s=0.4)
    noisy.log_ratios["p95_s"] = round_ratios(noise=0.5).log_ratios["p95_s"]
    (finding,) = compared(noisy).findings
    assert isinstance(finding.parameters, ReferenceShift)
    assert finding.parameters.other is not None
    assert finding.parameters.other.inconclusive


def test_fewer_successes_are_a_regression_and_shorter_times_an_improvement() -> None:
    worse, better = compared(round_ratios(success_rate=-0.2)), compared(round_ratios(p50_s=-0.2))
    assert codes(worse.findings) == [("success_rate", FindingCode.REFERENCE_REGRESSION)]
    assert codes(better.findings) == [("p50_s", FindingCode.REFERENCE_IMPROVEMENT)]


def test_nothing_is_found_in_two_equal_builds() -> None:
    found = compared(round_ratios())
    assert found.findings == []
    assert {comparison.metric for comparison in found.comparisons} == {"p50_s", "p95_s", "success_rate"}


def test_inconclusive_metrics_are_one_finding_of_the_whole() -> None:
    (finding,) = compared(round_ratios(noise=0.4), round_ratios(part="sessions", noise=0.4)).findings
    assert (finding.part, finding.code, finding.kind) == ("", FindingCode.INCONCLUSIVE, FindingKind.HISTORY)
    assert isinstance(finding.parameters, Inconclusive)
    assert finding.parameters.metrics[0].metric == "p50_s"
    assert finding.parameters.metrics[0].low is not None


def test_a_change_of_some_starts_only_is_inconclusive_and_one_of_all_says_how_many() -> None:
    slow_once, equal = round_ratios(120, p50_s=0.3, starts=(90, 30)), round_ratios(120).log_ratios["p50_s"]
    slow_once.log_ratios["p50_s"][90:] = [ratio - 0.1 if ratio is not None else None for ratio in equal[90:]]
    (finding,) = compared(slow_once).findings
    assert isinstance(finding.parameters, Inconclusive)
    assert finding.parameters.metrics[0].starts_disagree
    (finding,) = compared(round_ratios(60, p50_s=0.3, starts=(30, 30))).findings
    assert isinstance(finding.parameters, ReferenceShift)
    assert (finding.parameters.rounds, finding.parameters.starts) == (60, 2)


def test_few_rounds_are_inconclusive_however_large_the_difference() -> None:
    found = compared(round_ratios(6, p50_s=4.0))
    (finding,) = found.findings
    assert isinstance(finding.parameters, Inconclusive)
    assert finding.parameters.rounds == 6
    assert finding.parameters.metrics[0].ratio == pytest.approx(5, rel=0.1)
    assert (finding.parameters.metrics[0].low, finding.parameters.metrics[0].high) == (None, None)
    assert (found.comparisons[0].low, found.comparisons[0].high) == (None, None)


def test_saturated_rounds_are_excluded() -> None:
    (finding,) = compared(round_ratios(36, saturated=6)).findings
    assert finding.parameters == RoundsExcluded(excluded=6, rounds=36)


def test_the_tail_of_small_rounds_is_not_judged() -> None:
    assert compared(round_ratios(requests=19, p95_s=0.4)).findings == []


def test_each_part_is_judged() -> None:
    (finding,) = compared(round_ratios(), round_ratios(part="sessions", p50_s=0.3)).findings
    assert (finding.part, finding.code) == ("sessions", FindingCode.REFERENCE_REGRESSION)


def test_without_a_reference_nothing_is_compared() -> None:
    found = compared(round_ratios(p50_s=2.0), problem="it is down", reference=[], round_ratios=[])
    (finding,) = found.findings
    assert (finding.code, finding.parameters) == (FindingCode.REFERENCE_MISSING, ReferenceMissing(error="it is down"))
    assert found.comparisons == []


def test_with_an_invalid_reference_nothing_is_compared() -> None:
    found = compared(round_ratios(p50_s=2.0), reference=[measurement(times_s=[], throttled=9)])
    (finding,) = found.findings
    assert finding.code is FindingCode.REFERENCE_INVALID
    assert isinstance(finding.parameters, ReferenceInvalid)
    assert finding.parameters.code is FindingCode.EVERYTHING_THROTTLED
    assert found.comparisons == []


def test_a_reference_that_fails_most_requests_is_no_yardstick() -> None:
    failing = measurement(times_s=[0.1] * 4, failed=6)
    found = compared(round_ratios(p50_s=2.0), reference=[failing])
    (finding,) = found.findings
    assert finding.code is FindingCode.REFERENCE_FAILING
    assert isinstance(finding.parameters, ReferenceFailing)
    assert (finding.parameters.failed, finding.parameters.scheduled) == (6, 10)
    assert found.comparisons == []
    half = compared(round_ratios(), reference=[measurement(times_s=[0.1] * 5, failed=5)])
    assert [finding.code for finding in half.findings] != [FindingCode.REFERENCE_FAILING]


def test_comparing_again_gives_the_same_verdict_and_cause() -> None:
    slow = measurement(times_s=[0.5] * 100, server={"db": 0.4})
    reference = measurement(times_s=[0.1] * 100, server={"db": 0.02})
    rounds = reference_rounds(round_ratios(p50_s=4.0, p95_s=4.0), reference=[reference])
    judged = [ScenarioVerdict(scenario=SCENARIO, verdict=Verdict.PASS)]
    for _ in range(2):
        judged = compare_run(judged, [slow], KnownHistory(references={SCENARIO: rounds})).verdicts
        (verdict,) = judged
        assert verdict.verdict is Verdict.REGRESSED
        assert verdict.baseline_run is None
        (cause,) = [finding for finding in verdict.findings if finding.kind is FindingKind.DIAGNOSIS]
        assert cause.code is FindingCode.DATABASE_SLOW
        assert isinstance(cause.parameters, SlowStep)
        assert cause.parameters.step.before_s is not None


def test_a_phase_that_grew_is_the_cause_though_others_stalled_in_some_rounds() -> None:
    rounds = round_ratios(p50_s=0.06)
    reference = measurement(times_s=[0.1] * 100, server={"db": 0.02, "total": 0.09})
    slower = measurement(times_s=[0.106] * 100, server={"db": 0.02, "total": 0.096})
    stalled = measurement(times_s=[0.206] * 100, server={"db": 0.12, "total": 0.196})
    for number in range(30):
        for name, now in (stalled if number % 5 == 0 else slower).phases.items():
            seconds = now.total_s / 100, reference.phases[name].total_s / 100
            rounds.phases_s.setdefault(name, []).append(seconds)
    judged = [ScenarioVerdict(scenario=SCENARIO, verdict=Verdict.PASS)]
    whole = measurement(times_s=[0.126] * 100, server={"db": 0.04, "total": 0.116})
    known = KnownHistory(references={SCENARIO: reference_rounds(rounds, reference=[reference])})
    (verdict,) = compare_run(judged, [whole], known).verdicts
    (cause,) = [finding for finding in verdict.findings if finding.kind is FindingKind.DIAGNOSIS]
    assert (cause.code, cause.likelihood) == (FindingCode.TARGET_CODE_SLOW, Likelihood.LIKELY)
    assert isinstance(cause.parameters, SlowStep)
    assert (cause.parameters.step.before_s, cause.parameters.step.now_s) == pytest.approx((0.07, 0.076))


@pytest.mark.parametrize(
    ("slower_s", "longer_s", "code"),
    [
        pytest.param(0.00005, 0.00095, FindingCode.DATABASE_SLOW, id="a slower step and its queue"),
        pytest.param(0.0, 0.001, FindingCode.QUEUE_BEFORE_TARGET, id="the queue alone"),
    ],
)
def test_of_a_queue_that_grows_with_a_step_the_step_is_the_cause(
    slower_s: float, longer_s: float, code: FindingCode
) -> None:
    """20 workers, one process and 0.5 ms of own time; the rounds differ by 2 % by chance, and every fifth stalls."""
    chance = np.random.default_rng(5)

    def build(db_s: float, outside_s: float, elapsed_s: float) -> Measurement:
        body_s = (db_s + 0.0002 + outside_s) / 9  # which the first byte is nine tenths of
        response_s = db_s + 0.0002 + outside_s + body_s
        server = {"db": db_s, "total": db_s + 0.0002}
        return measurement(times_s=[response_s] * 1000, server=server, elapsed_s=elapsed_s, connect_mean_s=0.0001)

    candidate, reference = build(0.0003 + slower_s, 0.0095 + longer_s, 11.0), build(0.0003, 0.0095, 1000 * 0.011 / 20)
    rounds = round_ratios(p50_s=0.09, noise=0.01)
    for number in range(30):
        stall = 3.0 if number % 5 == 0 else 1.0
        differ = 1 + 0.02 * chance.standard_normal(2)
        for name in ("first_byte", "body", "connect", "server:db", "server:total"):
            own = differ if name == "first_byte" else 1 + 0.02 * chance.standard_normal(2)
            seconds = [made.phases[name].total_s / 1000 for made in (candidate, reference)]
            rounds.phases_s.setdefault(name, []).append((seconds[0] * own[0] * stall, seconds[1] * own[1]))
    known = KnownHistory(references={SCENARIO: reference_rounds(rounds, reference=[reference])})
    (verdict,) = compare_run([ScenarioVerdict(scenario=SCENARIO, verdict=Verdict.PASS)], [candidate], known).verdicts
    (cause,) = [finding for finding in verdict.findings if finding.kind is FindingKind.DIAGNOSIS]
    assert (cause.code, cause.likelihood) == (code, Likelihood.LIKELY)
    assert isinstance(cause.parameters, SlowStep)
    assert cause.parameters.step.share > 0.6


def test_comparing_again_adds_no_finding() -> None:
    known = KnownHistory(references={SCENARIO: reference_rounds(round_ratios(noise=0.4))})
    once = compare_run([ScenarioVerdict(scenario=SCENARIO, verdict=Verdict.PASS)], [measurement()], known).verdicts
    assert len(once[0].findings) == 1
    assert compare_run(once, [measurement()], known).verdicts == once


def test_nothing_is_claimed_of_an_invalid_scenario() -> None:
    judged = [ScenarioVerdict(scenario=SCENARIO, verdict=Verdict.INVALID)]
    known = KnownHistory(references={SCENARIO: reference_rounds(round_ratios(p50_s=1.0))})
    (verdict,) = compare_run(judged, [measurement()], known).verdicts
    assert (verdict.verdict, verdict.comparisons) == (Verdict.INVALID, [])


def test_an_inconclusive_finding_says_how_much_longer_it_takes() -> None:
    noisy = round_ratios(noise=0.1)
    (finding,) = compared(noisy.model_copy(update={"took_s": [0.5] * 30})).findings
    assert isinstance(finding.parameters, Inconclusive)
    ratios = judge_rounds([noisy], Rule())
    left = max(ratio.rounds_left for ratio in ratios.values() if ratio.rounds_left is not None)
    assert finding.parameters.more_s == pytest.approx(0.5 * left)
    (of_earlier_version,) = compared(noisy).findings
    assert isinstance(of_earlier_version.parameters, Inconclusive)
    assert of_earlier_version.parameters.more_s
