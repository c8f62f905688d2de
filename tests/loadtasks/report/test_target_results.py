"""Every target of a run as a row."""

from loadtasks.report.target_results import BUILT_IN, TargetOutcome, tally_of_targets, target_results
from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import TargetNotEvaluated
from loadtasks.results.judgement import Verdict
from tests.loadtasks.report import samples


def test_met_and_missed_targets_have_what_was_demanded_and_observed() -> None:
    rows = target_results(samples.document(samples.missed_target(), samples.result("sessions.filtered")))
    shown = [(row.label, row.metric, row.demanded, row.observed, row.outcome.word, row.suite) for row in rows]
    assert shown[:2] == [
        ("dashboard.sustained", "success rate", "≥ 95.0 %", "85.0 %", "missed", "dashboard.json"),
        ("dashboard.sustained", "p95", "< 2.00 s", "3.10 s", "missed", "dashboard.json"),
    ]
    assert shown[2] == ("sessions.filtered", "success rate", "≥ 95.0 %", "100 %", "met", "sessions.json")
    assert tally_of_targets(rows) == "2 missed, 2 met"


def test_what_could_not_be_evaluated_what_decides_nothing_and_built_in_targets_are_distinguished() -> None:
    missed = samples.missed("p95_s", 3, 2)
    built_in = missed.model_copy(update={"parameters": missed.parameters.model_copy(update={"built_in": True})})
    broken = Finding(
        code=FindingCode.TARGET_NOT_EVALUATED,
        parameters=TargetNotEvaluated(
            expectation="expect_column_pair", number=3, suite="dashboard.json", problem="no such column"
        ),
    )
    mild = missed.model_copy(update={"severity": Severity.WARNING, "part": "sessions"})
    nothing = Finding(code=FindingCode.NOTHING_SUCCEEDED, parameters=samples.nothing_succeeded())
    result = samples.result("dashboard.sustained", Verdict.FAIL, mild, broken, built_in, nothing)
    rows = target_results(samples.document(result.model_copy(update={"findings": result.findings[:4]})))
    assert [row.outcome for row in rows] == [
        TargetOutcome.MISSED,
        TargetOutcome.MISSED,
        TargetOutcome.NOT_EVALUATED,
        TargetOutcome.MISSED_MILDLY,
    ]
    assert [row.suite for row in rows] == [BUILT_IN, BUILT_IN, "dashboard.json", "dashboard.json"]
    assert (rows[2].metric, rows[2].demanded, rows[3].label, rows[3].severity) == (
        "",
        "expect_column_pair",
        "dashboard.sustained (sessions)",
        "warning",
    )
    assert tally_of_targets(rows) == "3 missed, 1 not evaluated"
