from datetime import UTC, datetime
from pathlib import Path

from loadtasks.engine.measurement import Measurement
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.judgement import Finding, FindingKind, ScenarioVerdict, Verdict
from loadtasks.results.store import Baseline
from loadtasks.verdict.judge import compare_documents, compare_run, judge_run
from loadtasks.verdict.regressions import Rule
from loadtasks.verdict.targets import read_suites
from tests.measurements import measurement, run

_SUITES = read_suites(Path(__file__).parents[3] / "expectations")
DASHBOARD = "dashboard.concurrent"
SEARCH = {"scenario": "search.x", "endpoint": "search"}


def baselines(*measurements: Measurement, run_id: str = "before") -> dict[str, tuple[Baseline, list[Measurement]]]:
    return {
        each.scenario: (
            Baseline(
                scenario=each.scenario,
                run_id=run_id,
                approved_by="ann",
                approved_at=datetime(2026, 11, 1, tzinfo=UTC),
                why="",
                scenario_hash=each.scenario_hash,
                target_version=None,
                generator="here",
            ),
            [other for other in measurements if other.scenario == each.scenario],
        )
        for each in measurements
    }


def verdict(said: Verdict = Verdict.PASS, *findings: Finding) -> ScenarioVerdict:
    return ScenarioVerdict(scenario=DASHBOARD, verdict=said, findings=list(findings))


def kinds(of: ScenarioVerdict) -> list[FindingKind]:
    return [each.kind for each in of.findings]


def document(*measurements: Measurement, said: Verdict = Verdict.PASS, run_id: str = "now") -> ResultsDocument:
    scenarios = [
        ScenarioResult(
            scenario=each.scenario,
            endpoint=each.endpoint,
            verdict=said,
            findings=[],
            comparisons=[],
            baseline_run=None,
            measurements=[each],
        )
        for each in measurements
    ]
    return ResultsDocument(run=run(run_id), verdict=said, scenarios=scenarios)


def test_validity_comes_before_targets() -> None:
    planned = ["gone.x", DASHBOARD, "late.x", "sessions.x", "config_get.x"]
    measurements = [
        measurement(DASHBOARD),
        measurement("sessions.x", times_s=[9.0] * 10),
        measurement("config_get.x", times_s=[9.0] * 10, scheduled=99),
    ]
    verdicts = judge_run(planned, measurements, {"gone.x": "the target was gone"}, _SUITES)
    assert {each.scenario: each.verdict for each in verdicts} == {
        "gone.x": Verdict.INVALID,
        DASHBOARD: Verdict.PASS,
        "late.x": Verdict.INVALID,
        "sessions.x": Verdict.FAIL,
        "config_get.x": Verdict.INVALID,
    }
    assert [each.scenario for each in verdicts] == planned
    by_name = {each.scenario: each for each in verdicts}
    assert kinds(by_name["config_get.x"]) == [FindingKind.VALIDITY]
    assert kinds(by_name["sessions.x"]) == [FindingKind.TARGET, FindingKind.TARGET, FindingKind.NOTE]


def test_one_part_that_misses_a_target_fails_the_scenario() -> None:
    parts = [measurement("mixed.x"), measurement("mixed.x", part="sessions", times_s=[9.0])]
    (judged,) = judge_run(["mixed.x"], parts, {}, _SUITES)
    assert judged.verdict is Verdict.FAIL
    assert {each.part for each in judged.findings} == {"sessions"}


def test_what_was_throttled_fails_its_target_and_says_whose_times_are_left() -> None:
    limited = measurement(times_s=[0.1] * 80, throttled=40, statuses={"200": 80, "429": 40})
    told = (
        "40 of 120 requests were throttled (429 with Retry-After): the times are those of the 80 admitted ones; ask "
        "for a higher limit or send less"
    )
    judged = judge_run([DASHBOARD, "search.x"], [limited, limited.model_copy(update=SEARCH)], {}, _SUITES)
    assert [each.verdict for each in judged] == [Verdict.FAIL, Verdict.PASS]
    assert [each.sentence for each in judged[0].findings] == ["40 requests throttled, target 0", told]
    assert told in [each.sentence for each in judged[1].findings if each.kind is FindingKind.NOTE]
    (compared,) = compare_run(judged[:1], [limited], {})
    assert [each.sentence for each in compared.findings if each.kind is FindingKind.DIAGNOSIS] == [told]


def test_where_throttling_is_wanted_it_is_noted_without_advice() -> None:
    def judged(throttled: int) -> ScenarioVerdict:
        measured = measurement("rate_limits.x", times_s=[0.1] * 60, throttled=throttled, statuses={"429": throttled})
        (found,) = compare_run(judge_run(["rate_limits.x"], [measured], {}, _SUITES), [measured], {})
        return found

    held = judged(20)
    told = [each.sentence for each in held.findings if each.metric == "throttled"]
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
        assert "ask for a higher limit" not in " ".join(each.sentence for each in found.findings)


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
    assert [each.part for each in judged.findings if each.metric == "throttled"] == [""]


def test_no_suite_for_an_endpoint_is_no_failure() -> None:
    (judged,) = judge_run(["search.x"], [measurement("search.x")], {}, _SUITES)
    assert (judged.verdict, kinds(judged)) == (Verdict.PASS, [FindingKind.NOTE])


def test_a_run_in_which_nothing_could_be_measured_is_judged_too() -> None:
    assert [each.verdict for each in judge_run([DASHBOARD], [], {}, _SUITES)] == [Verdict.INVALID]


def test_slower_is_regressed_with_a_cause_and_faster_is_improved() -> None:
    slow, fast = measurement(times_s=[0.5] * 400), measurement(times_s=[0.1] * 400)
    (worse,) = compare_run([verdict()], [slow], baselines(fast))
    assert worse.verdict is Verdict.REGRESSED
    assert worse.baseline_run == "before"
    assert kinds(worse) == [FindingKind.REGRESSION, FindingKind.REGRESSION, FindingKind.DIAGNOSIS]
    (better,) = compare_run([verdict()], [fast], baselines(slow))
    assert (better.verdict, set(kinds(better))) == (Verdict.IMPROVED, {FindingKind.IMPROVEMENT})
    (same,) = compare_run([verdict()], [slow], baselines(slow))
    assert (same.verdict, same.findings) == (Verdict.PASS, [])
    assert {each.ratio for each in same.comparisons} == {1.0}


def test_worse_outweighs_better() -> None:
    now, before = measurement(times_s=[0.1] * 90, failed=10), measurement(times_s=[0.3] * 100)
    (compared,) = compare_run([verdict()], [now], baselines(before))
    assert compared.verdict is Verdict.REGRESSED


def test_a_missed_target_stays_and_gets_its_comparison_and_cause() -> None:
    miss = Finding(kind=FindingKind.TARGET, metric="p95_s", observed=3.0, limit=2.0, sentence="p95 3.00 s")
    (compared,) = compare_run(
        [verdict(Verdict.FAIL, miss)], [measurement(times_s=[3.0])], baselines(measurement(times_s=[0.1]))
    )
    assert compared.verdict is Verdict.FAIL
    assert compared.findings[0] == miss
    assert {FindingKind.REGRESSION, FindingKind.DIAGNOSIS} <= set(kinds(compared))
    assert compared.comparisons != []


def test_of_an_invalid_scenario_nothing_is_claimed() -> None:
    doubt = Finding(kind=FindingKind.VALIDITY, sentence="no")
    given = verdict(Verdict.INVALID, doubt)
    assert compare_run([given], [measurement(times_s=[9.0])], baselines(measurement())) == [given]


def test_comparing_twice_gives_the_same_and_a_new_baseline_replaces_the_old() -> None:
    note = Finding(kind=FindingKind.NOTE, sentence="no target: there is no suite dashboard.json")
    slow, fast = [measurement(times_s=[0.5] * 10)], baselines(measurement(times_s=[0.1] * 10))
    first = compare_run([verdict(Verdict.PASS, note)], slow, {})
    assert [each.sentence.partition(":")[0] for each in first[0].findings] == ["no target", "not compared"]
    assert compare_run(first, slow, {}) == first
    second = compare_run(first, slow, fast)
    assert second[0].verdict is Verdict.REGRESSED
    assert [each.sentence for each in second[0].findings if each.kind is FindingKind.NOTE] == [note.sentence]
    assert compare_run(second, slow, fast) == second
    assert compare_run(second, slow, {}) == first


def test_two_files_are_compared_as_a_run_with_its_baseline() -> None:
    slow, fast = measurement(times_s=[0.5] * 10), measurement(times_s=[0.1] * 10)
    compared = compare_documents(document(slow, measurement("new.x")), document(fast, run_id="old"))
    known, new = compared.scenarios
    assert compared.verdict is Verdict.REGRESSED
    (expected,) = compare_run([verdict()], [slow], baselines(fast, run_id="old"))
    assert (known.verdict, known.findings, known.comparisons) == (
        expected.verdict,
        expected.findings,
        expected.comparisons,
    )
    assert (known.baseline_run, known.baseline) == ("old", [fast])
    assert (new.verdict, new.baseline_run, kinds_of_result(new)) == (Verdict.PASS, None, [FindingKind.NOTE])
    assert compare_documents(document(slow), document(fast), Rule(ratio=9)).verdict is Verdict.PASS


def test_an_invalid_measurement_is_no_baseline() -> None:
    compared = compare_documents(document(measurement(times_s=[0.5])), document(measurement(), said=Verdict.INVALID))
    assert compared.verdict is Verdict.PASS
    assert compared.scenarios[0].comparisons == []


def kinds_of_result(result: ScenarioResult) -> list[FindingKind]:
    return [each.kind for each in result.findings]
