"""Two results documents side by side."""

import pytest

from loadtasks.errors import BadInputError
from loadtasks.measurement.control import RunControls
from loadtasks.measurement.health import Calibration
from loadtasks.measurement.model import Measurement, Phase
from loadtasks.results.document import RepetitionSummary, ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.history import NotComparable, Shape
from loadtasks.results.findings.other_run import AllowanceSource, NotComparedReason, OtherRunNotCompared, OtherRunShift
from loadtasks.results.fingerprint import FingerprintField
from loadtasks.results.judgement import Verdict
from loadtasks.verdict.compare_documents import compare_documents
from tests.measurements import health, measurement, run

SEVEN = {"model": "closed", "workers": 1, "requests": 7}
FAST, SLOW = measurement(times_s=[0.1] * 100), measurement(times_s=[0.4] * 100)
OTHER_LOAD = measurement(load=SEVEN)


def document(*measurements: Measurement, said: Verdict = Verdict.PASS, **changes: str) -> ResultsDocument:
    scenarios = [
        ScenarioResult(
            scenario=measured.scenario,
            endpoint=measured.endpoint,
            verdict=said,
            findings=[],
            comparisons=[],
            baseline_run=None,
            measurements=[measured],
        )
        for measured in measurements
    ]
    planned = run(changes.pop("run_id", "now"), **changes).model_copy(
        update={"scenarios": list(dict.fromkeys(measured.scenario for measured in measurements))}
    )
    return ResultsDocument(run=planned, verdict=said, scenarios=scenarios)


def codes(result: ScenarioResult, kind: FindingKind) -> set[str]:
    return {finding.metric or finding.code for finding in result.findings if finding.kind is kind}


def test_a_large_change_is_a_regression_with_its_interval_and_its_cause() -> None:
    slow, fast = measurement(times_s=[0.4] * 100, elapsed_s=8.0), measurement(times_s=[0.1] * 100)
    compared = compare_documents(document(slow, measurement("new.x")), document(fast, run_id="old"))
    known, new = compared.scenarios
    assert (compared.verdict, known.verdict, known.baseline_run) == (Verdict.REGRESSED, Verdict.REGRESSED, "old")
    assert known.baseline == [fast]
    assert codes(known, FindingKind.REGRESSION) == {"p50_s", "throughput_per_s"}
    assert codes(known, FindingKind.DIAGNOSIS)
    median = next(comparison for comparison in known.comparisons if comparison.metric == "p50_s")
    assert median.ratio == pytest.approx(4.0, rel=0.002)
    assert 1 < (median.low or 0) < 4 < (median.high or 0)
    shift = next(finding.parameters for finding in known.findings if finding.metric == "p50_s")
    assert isinstance(shift, OtherRunShift)
    assert (shift.other_run, shift.source, shift.runs) == ("old", AllowanceSource.NOT_ASKED, 0)
    assert (new.comparisons, new.baseline_run) == ([], None)
    assert [finding.parameters for finding in new.findings] == [
        OtherRunNotCompared(reason=NotComparedReason.MISSING_THERE, other_run="old")
    ]
    back = compare_documents(document(fast), document(slow, run_id="old"))
    assert (back.verdict, codes(back.scenarios[0], FindingKind.DIAGNOSIS)) == (Verdict.IMPROVED, set())
    assert codes(back.scenarios[0], FindingKind.IMPROVEMENT) == {"p50_s", "throughput_per_s"}


def test_a_small_change_is_inconclusive_and_one_below_the_minimum_effect_is_nothing() -> None:
    for factor, expected in ((1.1, {FindingCode.OTHER_RUN_INCONCLUSIVE}), (1.02, set())):
        compared = compare_documents(document(measurement(times_s=[0.1 * factor] * 100)), document(FAST))
        (result,) = compared.scenarios
        assert (compared.verdict, {finding.code for finding in result.findings}) == (
            Verdict.PASS,
            expected | {FindingCode.RUN_ALLOWANCE},
        )


def test_a_success_rate_that_fell_is_a_regression_by_its_counts() -> None:
    for number, verdict in ((20, Verdict.PASS), (400, Verdict.REGRESSED)):
        good = measurement(times_s=[0.1] * number)
        bad = measurement(times_s=[0.1] * (number * 3 // 4), failed=number // 4)
        compared = compare_documents(document(bad), document(good))
        assert compared.verdict is verdict
        assert compare_documents(document(good), document(bad)).verdict is (
            Verdict.IMPROVED if verdict is Verdict.REGRESSED else verdict
        )
    nothing = measurement(times_s=[], failed=400, connect_mean_s=None)
    risen = compare_documents(document(good), document(nothing)).scenarios[0]
    (shift,) = (finding.parameters for finding in risen.findings if finding.kind is FindingKind.IMPROVEMENT)
    assert (risen.verdict, shift.ratio) == (Verdict.IMPROVED, None)


def test_a_tail_alone_is_judged_relative_to_the_median_and_shown_by_itself() -> None:
    before = measurement(times_s=[0.1] * 1000)
    tail = measurement(times_s=[0.1] * 900 + [9.0] * 100)
    (result,) = compare_documents(document(tail), document(before)).scenarios
    (finding,) = (finding for finding in result.findings if finding.kind is FindingKind.REGRESSION)
    assert (finding.metric, finding.parameters.relative_to_median, finding.parameters.shape) == (
        "p95_s",
        True,
        Shape.TAIL_ONLY,
    )
    whole = measurement(times_s=[9.0] * 1000)
    (result,) = compare_documents(document(whole), document(before)).scenarios
    assert "p95_s" not in codes(result, FindingKind.REGRESSION)
    assert {comparison.metric: comparison.ratio for comparison in result.comparisons}["p95_s"] == pytest.approx(
        90, 0.01
    )


def test_a_part_is_compared_with_its_own_past() -> None:
    whole = measurement("mixed.x", times_s=[0.1] * 300)
    parts = [measurement("mixed.x", part=part, times_s=[0.1] * 150) for part in ("a", "b")]
    slow = measurement("mixed.x", part="b", times_s=[0.9] * 150)
    now, before = document(whole), document(whole, run_id="old")
    now.scenarios[0].measurements[1:] = [parts[0], slow]
    before.scenarios[0].measurements[1:] = parts
    (result,) = compare_documents(now, before).scenarios
    assert {
        (finding.part, finding.metric) for finding in result.findings if finding.kind is FindingKind.REGRESSION
    } == {("b", "p50_s")}


def test_more_scenarios_need_larger_changes() -> None:
    others = [measurement(f"s{number}.x") for number in range(200)]
    slow = measurement(times_s=[0.23] * 100)
    assert compare_documents(document(slow), document(FAST)).verdict is Verdict.REGRESSED
    assert compare_documents(document(slow, *others), document(FAST, *others)).verdict is Verdict.PASS


def test_repetitions_that_agree_need_smaller_changes_and_a_mild_one_is_believed() -> None:
    def with_repetitions(measured: Measurement, *medians_s: float) -> ResultsDocument:
        made = document(measured)
        summaries = [
            RepetitionSummary(
                started_at=measured.started_at, p50_s=one, p95_s=one, success_rate=1.0, reported=False, trusted=True
            )
            for one in medians_s
        ]
        made.scenarios[0].repetitions = summaries
        return made

    slow = measurement(times_s=[0.195] * 100)
    assert compare_documents(document(slow), document(FAST)).verdict is Verdict.PASS
    assert compare_documents(with_repetitions(slow, 0.195, 0.196, 0.197), document(FAST)).verdict is Verdict.REGRESSED
    much = measurement(times_s=[0.4] * 100)
    assert compare_documents(with_repetitions(much, 0.4, 0.11), document(FAST)).verdict is Verdict.PASS


def test_a_regression_of_the_past_is_none_of_two_files() -> None:
    compared = compare_documents(document(FAST, said=Verdict.REGRESSED), document(FAST))
    assert (compared.verdict, compared.scenarios[0].verdict) == (Verdict.PASS, Verdict.PASS)


def test_what_is_invalid_in_either_file_is_not_compared_and_that_is_said() -> None:
    now, before = (
        document(FAST, measurement("b.x"), measurement("c.x")),
        document(FAST, measurement("b.x"), measurement("c.x"), measurement("gone.x"), run_id="old"),
    )
    now.scenarios[1].verdict = before.scenarios[2].verdict = Verdict.INVALID
    compared = compare_documents(now, before)
    _, here, there = compared.scenarios
    for result, reason in ((here, NotComparedReason.INVALID_HERE), (there, NotComparedReason.INVALID_THERE)):
        assert result.comparisons == []
        assert [finding.parameters for finding in result.findings] == [
            OtherRunNotCompared(reason=reason, other_run="old")
        ]
    assert (compared.only_in_other, compared.verdict) == (["gone.x"], Verdict.INVALID)


def test_a_planned_scenario_without_a_result_is_no_pass() -> None:
    now, before = document(FAST), document(FAST, run_id="old")
    planned = now.model_copy(update={"run": now.run.model_copy(update={"scenarios": [FAST.scenario, "b.x"]})})
    assert compare_documents(planned, before).verdict is Verdict.INVALID


def test_one_request_shows_nothing_however_slow_it_was() -> None:
    now, before = document(measurement(times_s=[0.205])), document(measurement(times_s=[0.005]), run_id="old")
    compared = compare_documents(now, before)
    assert compared.verdict is Verdict.PASS
    assert codes(compared.scenarios[0], FindingKind.REGRESSION) == set()


def test_where_nothing_can_be_compared_it_is_refused_unless_it_is_invalid_itself() -> None:
    for other, reason in (
        (document(FAST, said=Verdict.INVALID, run_id="old"), "dashboard.concurrent is invalid in old"),
        (document(measurement("b.x"), run_id="old"), "dashboard.concurrent is missing in old"),
    ):
        with pytest.raises(BadInputError, match=f"runs now and old can't be compared: {reason}"):
            compare_documents(document(FAST), other)
    assert compare_documents(document(FAST, said=Verdict.INVALID), document(FAST)).verdict is Verdict.INVALID


@pytest.mark.parametrize(
    ("now", "before", "difference"),
    [
        (document(SLOW), document(measurement(scenario_hash="other")), "requests (5eed here, other there)"),
        (
            document(SLOW),
            document(measurement(load=SEVEN)),
            "load",
        ),
        (document(SLOW), document(FAST, generator="b"), "load generator (a-host here, b there)"),
        (document(SLOW), document(FAST, target_url="http://b"), "service (127.0.0.1:8000 here, b:80 there)"),
        (
            document(SLOW),
            document(FAST, reference_url="http://b"),
            "paired rounds",
        ),
    ],
)
def test_unlike_ones_are_refused_in_one_sentence(
    now: ResultsDocument, before: ResultsDocument, difference: str
) -> None:
    with pytest.raises(BadInputError) as refused:
        compare_documents(now, before)
    assert str(refused.value) == f"runs now and now can't be compared: dashboard.concurrent differs in {difference}."


def test_one_unlike_scenario_among_others_is_noted() -> None:
    now, before = document(SLOW, measurement("b.x")), document(FAST, measurement("b.x", load=SEVEN))
    noted = compare_documents(now, before).scenarios[1]
    (finding,) = noted.findings
    assert finding.code is FindingCode.NOT_COMPARABLE
    assert finding.parameters == NotComparable(
        field=FingerprintField.LOAD,
        now=FAST.load,
        before=SEVEN,
        other_run="now",
        new_baseline=False,
    )


def test_throughput_is_compared_where_both_documents_mean_the_same_by_it() -> None:
    with_duration = {"duration_s": 2.0, "load": {"model": "closed", "workers": 1, "duration_s": 2.0}}
    new = measurement(times_s=[0.1] * 20, stragglers=1, **with_duration)
    of_version_5 = measurement(times_s=[0.1] * 20, **with_duration | {"duration_s": None})
    for other, is_compared in ((new, True), (of_version_5, False)):
        compared = compare_documents(document(new), document(other, run_id="old"))
        metrics = {comparison.metric for comparison in compared.scenarios[0].comparisons}
        assert ("throughput_per_s" in metrics) is is_compared
        assert "p50_s" in metrics


def test_values_that_nothing_ever_had_are_compared_all_the_same() -> None:
    tiny = FAST.model_copy(update={"phases": {"connect": Phase(count=10**17, total_s=1e-300, max_s=1.0)}})
    for now, before in ((FAST, tiny), (tiny, FAST)):
        (result,) = compare_documents(document(now), document(before)).scenarios
        kind = FindingKind.REGRESSION if now is FAST else FindingKind.IMPROVEMENT
        assert codes(result, kind) == {"connect_mean_s"}


def test_a_machine_that_was_much_slower_explains_more() -> None:
    def at(ceiling_per_s: float, factor: float) -> ResultsDocument:
        calibrated = health(calibration=Calibration(ceiling_per_s=ceiling_per_s, jitter_p99_s=0.001))
        return document(measurement(times_s=[0.1 * factor] * 100, health=calibrated))

    for ceiling_per_s, verdict in ((9000, Verdict.REGRESSED), (4000, Verdict.PASS), (0, Verdict.REGRESSED)):
        assert compare_documents(at(ceiling_per_s, 3.0), at(10_000, 1.0)).verdict is verdict
    assert compare_documents(at(4000, 30.0), at(10_000, 1.0)).verdict is Verdict.REGRESSED


def test_a_control_of_either_run_blames_nobody() -> None:
    slow, fast = document(measurement(times_s=[1.0] * 100)), document(measurement(times_s=[0.1] * 100))
    named = RunControls(scenarios=[fast.scenarios[0].scenario])
    for now, before in ((named, RunControls()), (RunControls(), named)):
        sides = [
            side.model_copy(update={"run": side.run.model_copy(update={"controls": controls})})
            for side, controls in ((slow, now), (fast, before))
        ]
        compared = compare_documents(*sides)
        assert compared.verdict is Verdict.PASS
        assert compared.scenarios[0].comparisons
    assert compare_documents(slow, fast).verdict is Verdict.REGRESSED
