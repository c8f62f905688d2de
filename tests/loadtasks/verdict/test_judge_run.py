import json
from pathlib import Path

import pytest

from loadtasks.measurement.errors import ErrorCode, ErrorCount
from loadtasks.results.findings.causes.failures import RateLimited
from loadtasks.results.findings.codes import FindingCode, FindingKind, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import ErrorSummary, TargetMissed, Throttled, ThrottlingExpected
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.verdict.compare_run import KnownHistory, compare_run
from loadtasks.verdict.judge_run import judge_run
from loadtasks.verdict.targets.validation import Suite, read_suites
from tests.measurements import failure, measurement

_SUITES = read_suites(Path(__file__).parents[3] / "expectations")
DASHBOARD = "dashboard.concurrent"
SEARCH = {"scenario": "search.x", "endpoint": "search"}


def for_people(of: ScenarioVerdict) -> list[Finding]:
    """The findings but for the targets that were met."""
    return [finding for finding in of.findings if finding.code is not FindingCode.TARGETS_MET]


def codes(of: ScenarioVerdict) -> list[FindingCode]:
    return [finding.code for finding in for_people(of)]


def test_validity_comes_before_targets() -> None:
    planned = ["gone.x", DASHBOARD, "late.x", "sessions.x", "config_get.x"]
    measurements = [
        measurement(DASHBOARD),
        measurement("sessions.x", times_s=[9.0] * 10),
        measurement("config_get.x", times_s=[9.0] * 10, scheduled=99),
    ]
    verdicts = judge_run(planned, measurements, {"gone.x": failure("the target was gone")}, _SUITES)
    assert {verdict.scenario: verdict.verdict for verdict in verdicts} == {
        "gone.x": Verdict.INVALID,
        DASHBOARD: Verdict.PASS,
        "late.x": Verdict.INVALID,
        "sessions.x": Verdict.FAIL,
        "config_get.x": Verdict.INVALID,
    }
    assert [verdict.scenario for verdict in verdicts] == planned
    by_name = {verdict.scenario: verdict for verdict in verdicts}
    assert codes(by_name["config_get.x"]) == [FindingCode.CONSERVATION_VIOLATED]
    assert codes(by_name["sessions.x"]) == [
        FindingCode.TARGET_MISSED,
        FindingCode.TARGET_MISSED,
        FindingCode.INSUFFICIENT_SAMPLE,
    ]


def test_one_part_that_misses_a_target_fails_the_scenario() -> None:
    parts = [measurement("mixed.x"), measurement("mixed.x", part="sessions", times_s=[9.0])]
    (judged,) = judge_run(["mixed.x"], parts, {}, _SUITES)
    assert judged.verdict is Verdict.FAIL
    assert {finding.part for finding in for_people(judged)} == {"sessions"}


def test_what_was_throttled_fails_its_target_and_says_how_much() -> None:
    limited = measurement(times_s=[0.1] * 80, throttled=40, statuses={"200": 80, "429": 40})
    throttled = Throttled(throttled=40, scheduled=120, statuses=(429,))
    judged = judge_run([DASHBOARD, "search.x"], [limited, limited.model_copy(update=SEARCH)], {}, _SUITES)
    assert [verdict.verdict for verdict in judged] == [Verdict.FAIL, Verdict.PASS]
    assert codes(judged[0]) == [FindingCode.TARGET_MISSED, FindingCode.THROTTLED]
    assert codes(judged[1]) == [FindingCode.NO_TARGET, FindingCode.THROTTLED]
    assert [for_people(verdict)[-1].parameters for verdict in judged] == [throttled, throttled]
    compared = compare_run(judged[:1], [limited], KnownHistory()).verdicts[0]
    (cause,) = (finding for finding in compared.findings if finding.kind is FindingKind.DIAGNOSIS)
    assert cause.code is FindingCode.RATE_LIMITED
    assert cause.parameters == RateLimited(throttled=40, scheduled=120, statuses=(429,))


def test_where_throttling_is_expected_it_is_noted_and_only_another_number_fails() -> None:
    def judged(throttled: int) -> ScenarioVerdict:
        measured = measurement("rate_limits.x", times_s=[0.1] * 60, throttled=throttled, statuses={"429": throttled})
        verdicts = judge_run(["rate_limits.x"], [measured], {}, _SUITES)
        return compare_run(verdicts, [measured], KnownHistory()).verdicts[0]

    held = judged(20)
    assert held.verdict is Verdict.PASS
    (note,) = (finding for finding in held.findings if finding.metric == "throttled")
    assert note.code is FindingCode.THROTTLING_EXPECTED
    assert note.parameters == ThrottlingExpected(throttled=20, scheduled=80, statuses=(429,), held=True)
    for other in (0, 19, 21):
        verdict = judged(other)
        assert verdict.verdict is Verdict.FAIL
        assert FindingCode.RATE_LIMIT_DIFFERS in codes(verdict)
        assert not {FindingCode.THROTTLED, FindingCode.RATE_LIMITED} & set(codes(verdict))
        (expected,) = (finding for finding in verdict.findings if finding.code is FindingCode.THROTTLING_EXPECTED)
        assert isinstance(expected.parameters, ThrottlingExpected)
        assert not expected.parameters.held


def test_what_was_throttled_altogether_is_invalid() -> None:
    (judged,) = judge_run([DASHBOARD], [measurement(times_s=[], throttled=100)], {}, _SUITES)
    assert (judged.verdict, codes(judged)) == (Verdict.INVALID, [FindingCode.EVERYTHING_THROTTLED])


def test_throttling_is_noted_once_for_a_mixed_scenario() -> None:
    measured = [
        measurement("mixed.x", throttled=5),
        measurement("mixed.x", part="search", throttled=2),
        measurement("mixed.x", part="find", throttled=3),
    ]
    (judged,) = judge_run(["mixed.x"], measured, {}, _SUITES)
    assert [finding.part for finding in judged.findings if finding.metric == "throttled"] == [""]


def test_no_suite_for_an_endpoint_is_no_failure() -> None:
    (judged,) = judge_run(["search.x"], [measurement("search.x")], {}, _SUITES)
    assert (judged.verdict, codes(judged)) == (Verdict.PASS, [FindingCode.NO_TARGET])


def test_a_run_in_which_nothing_could_be_measured_is_judged_too() -> None:
    assert [verdict.verdict for verdict in judge_run([DASHBOARD], [], {}, _SUITES)] == [Verdict.INVALID]


def test_a_missed_target_that_is_not_critical_does_not_fail(tmp_path: Path) -> None:
    kwargs = {"column": "p95_s", "max_value": 0.001}
    expectation = {"type": "expect_column_values_to_be_between", "kwargs": kwargs, "severity": "warning"}
    (tmp_path / "dashboard.json").write_text(json.dumps({"expectations": [expectation]}))
    (judged,) = judge_run([DASHBOARD], [measurement(DASHBOARD)], {}, read_suites(tmp_path))
    found = [FindingCode.TARGET_MISSED, FindingCode.NO_TARGET]
    assert (judged.verdict, codes(judged)) == (Verdict.PASS, found)
    compared = compare_run([judged], [measurement(DASHBOARD)], KnownHistory()).verdicts[0]
    assert (compared.verdict, codes(compared)) == (Verdict.PASS, found)


@pytest.mark.parametrize("failed", [2, 50])
def test_without_a_target_on_success_99_percent_have_to_succeed(failed: int) -> None:
    measured = measurement("search.x", times_s=[0.1] * (100 - failed), failed=failed)
    (judged,) = judge_run(["search.x"], [measured], {}, _SUITES)
    assert judged.verdict is Verdict.FAIL
    (miss,) = (finding for finding in judged.findings if finding.misses_target)
    assert (miss.code, miss.metric, miss.limit) == (FindingCode.TARGET_MISSED, "success_rate", 0.99)
    assert isinstance(miss.parameters, TargetMissed)
    assert (miss.parameters.built_in, miss.parameters.suite) == (True, "")


_LATENCY = {"column": "p95_s", "max_value": 2.0}
_ANYTHING = {"column": "success_rate", "min_value": 0.0}


def suite_of(folder: Path, kwargs: dict[str, object], severity: str = "critical") -> list[Suite]:
    expectation = {"type": "expect_column_values_to_be_between", "kwargs": kwargs, "severity": severity}
    (folder / "dashboard.json").write_text(json.dumps({"expectations": [expectation]}))
    return read_suites(folder)


@pytest.mark.parametrize(
    ("kwargs", "severity", "failed", "verdict"),
    [
        (_LATENCY, "critical", 1, Verdict.PASS),
        (_LATENCY, "critical", 2, Verdict.FAIL),  # a failed request is not timed
        (_ANYTHING | {"min_value": 0.9}, "critical", 10, Verdict.PASS),
        (_ANYTHING | {"min_value": 0.9}, "warning", 10, Verdict.FAIL),
        (_ANYTHING | {"row_condition": 'scenario == "dashboard.sustained"'}, "critical", 10, Verdict.FAIL),
        ({"column": "failed", "max_value": 20}, "critical", 10, Verdict.PASS),
        ({"column": "conservation_gap", "max_value": 0}, "critical", 10, Verdict.FAIL),
        (_ANYTHING, "critical", 99, Verdict.PASS),
        (_ANYTHING, "critical", 100, Verdict.FAIL),
        (_LATENCY | {"row_condition": "completed > 0"}, "critical", 100, Verdict.FAIL),
    ],
)
def test_how_many_may_fail_is_said_by_a_critical_target_on_success_that_applies(
    tmp_path: Path, kwargs: dict[str, object], severity: str, failed: int, verdict: Verdict
) -> None:
    measured = measurement(DASHBOARD, times_s=[0.1] * (100 - failed), failed=failed)
    (judged,) = judge_run([DASHBOARD], [measured], {}, suite_of(tmp_path, kwargs, severity))
    assert judged.verdict is verdict


def test_where_nothing_succeeded_one_finding_says_so_with_an_error(tmp_path: Path) -> None:
    measured = measurement(DASHBOARD, times_s=[], failed=20)
    (judged,) = judge_run([DASHBOARD], [measured], {}, suite_of(tmp_path, _ANYTHING))
    assert (judged.verdict, codes(judged)) == (Verdict.FAIL, [FindingCode.NOTHING_SUCCEEDED])
    assert judged.findings[0].parameters == ErrorSummary(
        admitted=20, not_completed=20, errors=20, code=ErrorCode.STATUS, count=20, sample="GET /stats: status"
    )
    causes = [finding.code for finding in compare_run([judged], [measured], KnownHistory()).verdicts[0].findings[1:]]
    assert causes
    assert FindingCode.CAUSE_UNKNOWN not in causes


def test_a_part_of_which_nothing_succeeded_fails_the_scenario() -> None:
    measured = [
        measurement("mixed.x", times_s=[0.1] * 99, failed=1),
        measurement("mixed.x", part="sessions", times_s=[0.1] * 99),
        measurement("mixed.x", part="search", times_s=[], failed=1),
    ]
    (judged,) = judge_run(["mixed.x"], measured, {}, _SUITES)
    assert judged.verdict is Verdict.FAIL
    nothing = [finding for finding in judged.findings if finding.misses_target]
    assert [(finding.code, finding.part) for finding in nothing] == [(FindingCode.NOTHING_SUCCEEDED, "search")]


def test_a_target_on_the_success_of_a_mixed_scenario_holds_its_parts(tmp_path: Path) -> None:
    def judged(name: str) -> ScenarioVerdict:
        expectation = {"type": "expect_column_values_to_be_between", "kwargs": _ANYTHING | {"min_value": 0.9}}
        (tmp_path / f"{name}.json").write_text(json.dumps({"expectations": [expectation]}))
        measured = [
            measurement("mixed.x", times_s=[0.1] * 95, failed=5),
            measurement("mixed.x", part="search", times_s=[0.1] * 95, failed=5),
        ]
        (verdict,) = judge_run(["mixed.x"], measured, {}, read_suites(tmp_path))
        return verdict

    assert judged("other").verdict is Verdict.FAIL
    assert judged("mixed").verdict is Verdict.PASS


def test_errors_of_a_passing_scenario_are_mentioned_and_those_of_a_failing_one_are_its_cause() -> None:
    def found(failed: int) -> ScenarioVerdict:
        (judged,) = judge_run(
            [DASHBOARD], [measurement(DASHBOARD, times_s=[0.1] * (100 - failed), failed=failed)], {}, _SUITES
        )
        return judged

    assert for_people(found(0)) == []
    (note,) = for_people(found(5))
    assert (found(5).verdict, note.code, note.severity) == (Verdict.PASS, FindingCode.ERRORS, Severity.WARNING)
    assert note.parameters == ErrorSummary(
        admitted=100, not_completed=5, errors=5, code=ErrorCode.STATUS, count=5, sample="GET /stats: status"
    )
    assert FindingCode.ERRORS not in codes(found(6))


def test_dropped_requests_and_doubled_events_are_mentioned() -> None:
    doubled = [ErrorCount(code=ErrorCode.DUPLICATE, count=3, sample="event 7")]
    for measured in (measurement(DASHBOARD, times_s=[0.1] * 199, dropped=1), measurement(DASHBOARD, errors=doubled)):
        (judged,) = judge_run([DASHBOARD], [measured], {}, _SUITES)
        assert (judged.verdict, codes(judged)) == (Verdict.PASS, [FindingCode.ERRORS])
