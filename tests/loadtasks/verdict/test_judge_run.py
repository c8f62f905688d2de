import json
from pathlib import Path

from loadtasks.results.findings.causes.failures import RateLimited
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.targets import Throttled, ThrottlingExpected
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.verdict.compare_run import KnownHistory, compare_run
from loadtasks.verdict.judge_run import judge_run
from loadtasks.verdict.targets.validation import read_suites
from tests.measurements import failure, measurement

_SUITES = read_suites(Path(__file__).parents[3] / "expectations")
DASHBOARD = "dashboard.concurrent"
SEARCH = {"scenario": "search.x", "endpoint": "search"}


def codes(of: ScenarioVerdict) -> list[FindingCode]:
    return [finding.code for finding in of.findings]


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
    assert {finding.part for finding in judged.findings} == {"sessions"}


def test_what_was_throttled_fails_its_target_and_says_how_much() -> None:
    limited = measurement(times_s=[0.1] * 80, throttled=40, statuses={"200": 80, "429": 40})
    throttled = Throttled(throttled=40, scheduled=120, statuses=(429,))
    judged = judge_run([DASHBOARD, "search.x"], [limited, limited.model_copy(update=SEARCH)], {}, _SUITES)
    assert [verdict.verdict for verdict in judged] == [Verdict.FAIL, Verdict.PASS]
    assert codes(judged[0]) == [FindingCode.TARGET_MISSED, FindingCode.THROTTLED]
    assert codes(judged[1]) == [FindingCode.NO_TARGET, FindingCode.THROTTLED]
    assert [verdict.findings[-1].parameters for verdict in judged] == [throttled, throttled]
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
    assert (judged.verdict, codes(judged)) == (Verdict.PASS, [FindingCode.TARGET_MISSED])
    compared = compare_run([judged], [measurement(DASHBOARD)], KnownHistory()).verdicts[0]
    assert (compared.verdict, codes(compared)) == (Verdict.PASS, [FindingCode.TARGET_MISSED])
