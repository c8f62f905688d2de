from pathlib import Path

from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.verdict.compare_run import KnownHistory, compare_run
from loadtasks.verdict.judge_run import judge_run
from loadtasks.verdict.targets.validation import read_suites
from tests.measurements import failure, measurement

_SUITES = read_suites(Path(__file__).parents[3] / "expectations")
DASHBOARD = "dashboard.concurrent"
SEARCH = {"scenario": "search.x", "endpoint": "search"}


def kinds(of: ScenarioVerdict) -> list[FindingKind]:
    return [finding.kind for finding in of.findings]


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
    assert kinds(by_name["config_get.x"]) == [FindingKind.VALIDITY]
    assert kinds(by_name["sessions.x"]) == [FindingKind.TARGET, FindingKind.TARGET, FindingKind.NOTE]


def test_one_part_that_misses_a_target_fails_the_scenario() -> None:
    parts = [measurement("mixed.x"), measurement("mixed.x", part="sessions", times_s=[9.0])]
    (judged,) = judge_run(["mixed.x"], parts, {}, _SUITES)
    assert judged.verdict is Verdict.FAIL
    assert {finding.part for finding in judged.findings} == {"sessions"}


def test_what_was_throttled_fails_its_target_and_says_whose_times_are_left() -> None:
    limited = measurement(times_s=[0.1] * 80, throttled=40, statuses={"200": 80, "429": 40})
    told = (
        "40 of 120 requests were throttled (429 with Retry-After): the times are those of the 80 admitted ones; ask "
        "for a higher limit or send less"
    )
    judged = judge_run([DASHBOARD, "search.x"], [limited, limited.model_copy(update=SEARCH)], {}, _SUITES)
    assert [each.verdict for each in judged] == [Verdict.FAIL, Verdict.PASS]
    assert [finding.sentence for finding in judged[0].findings] == ["40 requests throttled, target 0", told]
    assert told in [finding.sentence for finding in judged[1].findings if finding.kind is FindingKind.NOTE]
    compared = compare_run(judged[:1], [limited], KnownHistory()).verdicts[0]
    (cause,) = (finding for finding in compared.findings if finding.kind is FindingKind.DIAGNOSIS)
    assert cause.sentence == f"throttling, not slowness: {told.rpartition('; ')[0]}"


def test_where_throttling_is_wanted_it_is_noted_without_advice() -> None:
    def judged(throttled: int) -> ScenarioVerdict:
        measured = measurement("rate_limits.x", times_s=[0.1] * 60, throttled=throttled, statuses={"429": throttled})
        (found,) = compare_run(
            judge_run(["rate_limits.x"], [measured], {}, _SUITES), [measured], KnownHistory()
        ).verdicts
        return found

    held = judged(20)
    told = [finding.sentence for finding in held.findings if finding.metric == "throttled"]
    assert (held.verdict, told) == (
        Verdict.PASS,
        [
            "throttling is wanted here: 20 of 80 requests were throttled (429 with Retry-After): the times are those "
            "of the 60 admitted ones"
        ],
    )
    for other in (0, 19, 21):
        found = judged(other)
        assert found.verdict is Verdict.FAIL
        assert "ask for a higher limit" not in " ".join(finding.sentence for finding in found.findings)


def test_of_what_was_throttled_altogether_nothing_is_claimed() -> None:
    (judged,) = judge_run([DASHBOARD], [measurement(times_s=[], throttled=100)], {}, _SUITES)
    assert (judged.verdict, kinds(judged)) == (Verdict.INVALID, [FindingKind.VALIDITY])


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
    assert (judged.verdict, kinds(judged)) == (Verdict.PASS, [FindingKind.NOTE])


def test_a_run_in_which_nothing_could_be_measured_is_judged_too() -> None:
    assert [each.verdict for each in judge_run([DASHBOARD], [], {}, _SUITES)] == [Verdict.INVALID]
