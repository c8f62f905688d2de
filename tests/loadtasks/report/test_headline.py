"""The reason for a run's verdict: which finding it is. Its words are in the snapshots."""

import re

import pytest

from loadtasks.report.findings import RenderedFinding, invalid_reasons
from loadtasks.report.headline import headline
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import ErrorSummary, NoTarget
from loadtasks.results.judgement import Verdict
from tests.loadtasks.report import samples


@pytest.mark.parametrize(
    ("result", "number"),
    [(samples.missed_target(), 1), (samples.part_missed(), 0), (samples.regressed(), 0)],
    ids=["target missed", "part of a mixed scenario", "regressed"],
)
def test_the_headline_is_the_finding_that_is_farthest_beyond_its_limit(result: ScenarioResult, number: int) -> None:
    worst = RenderedFinding(result, result.findings[number])
    stated = f"{worst.label}: {worst.sentence}".partition(". ")[0]
    assert stated in headline(samples.document(result, samples.not_measured()))


@pytest.mark.parametrize(
    ("document", "more"), [(samples.document(samples.missed_target()), "1"), (samples.bad_run(), "2")]
)
def test_more_of_the_same_are_counted(document: ResultsDocument, more: str) -> None:
    worst = RenderedFinding(samples.missed_target(), samples.missed_target().findings[1])
    _, _, rest = headline(document).partition(worst.sentence)
    assert re.findall(r"\d+", rest) == [more]


def test_an_invalid_run_gives_the_first_reason() -> None:
    document = samples.document(samples.not_measured(), samples.saturated())
    (scenario, reason), _ = invalid_reasons(document).items()
    assert headline(document).startswith(f"{scenario}: {reason}; and 1 more")


def test_a_reason_that_all_scenarios_share_is_given_once() -> None:
    same = samples.not_measured()
    other = same.model_copy(update={"scenario": "websocket.connections"})
    document = samples.document(same, other)
    (reason,) = set(invalid_reasons(document).values())
    assert headline(document).count(reason) == 1
    assert same.scenario not in headline(document)


@pytest.mark.parametrize(
    "document",
    [
        samples.document(),
        samples.document(samples.result("dashboard.concurrent", baseline=False)),
        samples.document(samples.result("dashboard.concurrent", Verdict.FAIL)),
        samples.document().model_copy(update={"scenarios": [], "verdict": Verdict.INVALID}),
    ],
    ids=["all passed", "one without a baseline", "a verdict without a finding", "no scenario"],
)
def test_every_run_has_a_headline(document: ResultsDocument) -> None:
    assert headline(document)


def untargeted(name: str, verdict: Verdict = Verdict.PASS, *, part: str = "") -> ScenarioResult:
    no_target = Finding(code=FindingCode.NO_TARGET, part=part, parameters=NoTarget(endpoint="search"))
    return samples.result(name, verdict).model_copy(update={"findings": [no_target]})


_NO_TARGET = "no target applies to any scenario"


def test_a_run_without_any_target_says_so_first() -> None:
    assert headline(samples.document(untargeted("dashboard.sustained"), untargeted("sessions.concurrent"))).startswith(
        _NO_TARGET
    )
    failed = untargeted("dashboard.sustained", Verdict.FAIL)
    missed = samples.missed_target().findings[0]
    failed = failed.model_copy(update={"findings": [*failed.findings, missed]})
    assert headline(samples.document(failed)).startswith(f"{_NO_TARGET}; dashboard.sustained: ")
    invalid_too = samples.document(untargeted("dashboard.sustained"), samples.not_measured())
    assert headline(invalid_too).startswith(_NO_TARGET)


def test_a_run_with_one_target_says_how_many_scenarios_have_none() -> None:
    one = samples.result("dashboard.concurrent", Verdict.PASS).model_copy(update={"findings": []})
    said = headline(samples.document(untargeted("dashboard.sustained"), one))
    assert _NO_TARGET not in said
    assert "no target applies to 1 of them" in said
    assert "no target" not in headline(samples.document(one))


def test_that_nothing_succeeded_is_the_reason_before_any_number() -> None:
    nothing = Finding(
        code=FindingCode.NOTHING_SUCCEEDED,
        metric="success_rate",
        observed=0.0,
        parameters=ErrorSummary(admitted=9, not_completed=9),
    )
    result = samples.missed_target()
    result = result.model_copy(update={"findings": [*result.findings, nothing]})
    assert "none of 9 requests succeeded" in headline(samples.document(result))
