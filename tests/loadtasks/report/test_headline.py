"""The reason for a run's verdict: which finding it is. Its words are in the snapshots."""

import re

import pytest

from loadtasks.report.findings import RenderedFinding, invalid_reasons
from loadtasks.report.headline import headline
from loadtasks.results.document import ResultsDocument, ScenarioResult
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
