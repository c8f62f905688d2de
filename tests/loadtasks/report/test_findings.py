"""Which findings are shown where, and in which order."""

import pytest

from loadtasks.report.findings import (
    RenderedFinding,
    findings_in_short,
    findings_on_page,
    invalid_reasons,
    notes,
    render_findings,
)
from loadtasks.results.findings.codes import FindingCode, FindingKind, Likelihood, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import BaselineTooShort
from loadtasks.results.judgement import Verdict
from tests.findings import text_finding
from tests.loadtasks.report import samples

TOO_SHORT = Finding(code=FindingCode.BASELINE_TOO_SHORT, parameters=BaselineTooShort(missing_runs=3))
NOTE = Finding(code=FindingCode.TARGET_METRICS_UNREADABLE, parameters={"problem": "the target restarted"})


def codes(rendered: list[RenderedFinding]) -> list[FindingCode]:
    return [found.finding.code for found in rendered]


def test_what_decides_the_verdict_comes_first() -> None:
    given = [text_finding(kind) for kind in reversed(FindingKind)]
    found = render_findings(samples.result("dashboard.concurrent", Verdict.FAIL, *given))
    assert [rendered.finding.kind for rendered in found][:4] == [
        FindingKind.VALIDITY,
        FindingKind.TARGET,
        FindingKind.REGRESSION,
        FindingKind.IMPROVEMENT,
    ]
    assert all(rendered.title for rendered in found)


def test_a_possible_cause_is_distinguished_from_a_likely_one() -> None:
    titles = {
        RenderedFinding(samples.missed_target(), Finding(code=FindingCode.CAUSE_UNKNOWN, likelihood=likelihood)).title
        for likelihood in Likelihood
    }
    assert len(titles) == 2


def test_what_holds_for_the_whole_run_is_no_note_of_a_scenario() -> None:
    result = samples.result("dashboard.concurrent", Verdict.PASS, TOO_SHORT, NOTE, baseline=False)
    assert codes(notes(samples.document(result))) == codes(findings_on_page(result)) == [NOTE.code]


def test_a_missed_target_that_is_not_critical_is_a_note() -> None:
    warning = samples.missed("p95_s", 3.0, 2.0).model_copy(update={"severity": Severity.WARNING})
    result = samples.result("dashboard.concurrent", Verdict.PASS, warning)
    assert codes(notes(samples.document(result))) == [FindingCode.TARGET_MISSED]


def test_a_throttled_scenario_states_it_once() -> None:
    assert (
        codes(findings_in_short(samples.throttled()))
        == [
            FindingCode.TARGET_MISSED,
            FindingCode.RATE_LIMITED,
            FindingCode.INSUFFICIENT_SAMPLE,
        ][:2]
    )
    without_cause = samples.throttled().findings[:2]
    result = samples.throttled().model_copy(update={"findings": without_cause})
    assert FindingCode.THROTTLED in codes(findings_on_page(result))


def test_few_requests_are_noted_where_the_target_was_missed_and_else_on_the_page_alone() -> None:
    note, miss = samples.few_requests(), samples.missed("p95_s", 3.0, 2.0)
    good = samples.result("config_put.sequential", Verdict.PASS, note)
    bad = samples.result("config_put.sequential", Verdict.FAIL, note, miss)
    assert (codes(findings_in_short(good)), codes(findings_on_page(good))) == ([], [note.code])
    assert codes(findings_in_short(bad)) == [miss.code, note.code]
    assert notes(samples.document(good, bad)) == []


@pytest.mark.parametrize(
    ("result", "known"),
    [(samples.missed_target(), True), (samples.regressed(), True), (samples.part_missed(), False)],
    ids=["a p95 of few requests", "a p95 of many requests", "a mean"],
)
def test_the_confidence_of_a_judged_percentile_is_stated(result, known: bool) -> None:
    found = [rendered for rendered in render_findings(result) if rendered.finding.metric in ("p95_s", "mean_s")]
    assert [bool(rendered.confidence) for rendered in found] == [known]


def test_invalid_scenarios_have_a_reason_and_planned_ones_without_a_trace_too() -> None:
    document = samples.document(
        samples.not_measured(),
        samples.result("dashboard.concurrent", Verdict.INVALID),
        scenarios=["websocket.broadcast", "dashboard.concurrent", "gone.steady"],
    )
    reasons = invalid_reasons(document)
    assert list(reasons) == ["websocket.broadcast", "dashboard.concurrent", "gone.steady"]
    assert all(reasons.values())
