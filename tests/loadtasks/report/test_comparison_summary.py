"""What a run was compared with, once for the whole run."""

from loadtasks import units
from loadtasks.report import sentences
from loadtasks.report.comparison_summary import comparison_summary
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import BaselineTooShort
from loadtasks.results.findings.other_run import AllowanceSource, RunAllowance
from tests.loadtasks.report import samples
from tests.loadtasks.report.sentences.test_snapshots import EXAMPLES

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


def test_two_files_say_what_was_allowed_for_and_what_was_not_compared() -> None:
    def allowance(scale: float, runs: int, detectable: float) -> Finding:
        parameters = RunAllowance(
            source=AllowanceSource.HISTORY,
            scale=scale,
            runs=runs,
            max_runs=runs,
            detectable=detectable,
            detail="var/results.db",
        )
        return Finding(code=FindingCode.RUN_ALLOWANCE, parameters=parameters)

    compared = samples.document(
        samples.result("dashboard.concurrent", samples.Verdict.PASS, allowance(0.05, 30, 2.1)),
        samples.result("sessions.filtered", samples.Verdict.PASS, allowance(0.1, 12, 2.6)),
        new("config_put.sequential", EXAMPLES[FindingCode.OTHER_RUN_NOT_COMPARED]),
    ).model_copy(update={"other_run": "old", "only_in_other": [f"gone{number}.x" for number in range(30)]})
    summary = comparison_summary(compared)
    assert summary.count("Runs of one build") == 1
    assert "12 to 30 comparable runs in var/results.db" in summary
    assert units.change(2.6) in summary
    assert f"{sentences.sentence(EXAMPLES[FindingCode.OTHER_RUN_NOT_COMPARED])} (config_put.sequential)." in summary
    assert "gone19.x, ..." in summary
    assert "gone20.x" not in summary
