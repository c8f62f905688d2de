"""What a run was compared with, once for the whole run."""

from loadtasks.report import sentences
from loadtasks.report.comparison_summary import comparison_summary
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import BaselineTooShort
from tests.loadtasks.report import samples

TOO_SHORT = Finding(code=FindingCode.BASELINE_TOO_SHORT, parameters=BaselineTooShort(missing_runs=3))
OTHER = Finding(code=FindingCode.BASELINE_TOO_SHORT, parameters=BaselineTooShort(missing_runs=1))


def new(scenario: str, *findings: Finding):
    return samples.result(scenario, samples.Verdict.PASS, *findings, baseline=False)


def test_a_reason_that_several_scenarios_share_is_given_once_with_their_names() -> None:
    summary = comparison_summary(
        samples.document(
            new("dashboard.concurrent", TOO_SHORT), new("config_put.sequential", TOO_SHORT), new("sessions.filtered")
        )
    )
    assert summary.count(sentences.sentence(TOO_SHORT)) == 1
    assert "(dashboard.concurrent, config_put.sequential)" in summary


def test_a_reason_that_all_valid_scenarios_share_names_none() -> None:
    summary = comparison_summary(
        samples.document(
            new("dashboard.concurrent", TOO_SHORT), new("sessions.filtered", TOO_SHORT), samples.not_measured()
        )
    )
    assert summary == f"{sentences.sentence(TOO_SHORT)} (all scenarios)."


def test_different_reasons_are_different_sentences() -> None:
    summary = comparison_summary(
        samples.document(new("dashboard.concurrent", TOO_SHORT), new("sessions.filtered", OTHER))
    )
    assert f"{sentences.sentence(TOO_SHORT)} (dashboard.concurrent)." in summary
    assert f"{sentences.sentence(OTHER)} (sessions.filtered)." in summary


def test_the_reference_and_the_other_run_are_named() -> None:
    result = samples.result("dashboard.concurrent").model_copy(update={"round_ratios": [{}]})
    paired = samples.document(result, reference_url="http://ref", reference_version="1.1.0")
    assert "1.1.0" in comparison_summary(paired)
    other = samples.document().model_copy(update={"other_run": "20261120T020000Z-cafe"})
    assert "20261120T020000Z-cafe" in comparison_summary(other)


def test_without_anything_to_compare_with_it_says_so() -> None:
    assert comparison_summary(samples.document(new("dashboard.concurrent")))
