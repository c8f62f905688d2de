"""The order of scenarios."""

import pytest

from loadtasks.report.worst_first import GRAVITY, state_of_result, worst_first
from loadtasks.results.document import ScenarioResult
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import Verdict
from tests.loadtasks.report import samples


def test_verdicts_come_by_gravity_then_what_is_to_be_watched_then_the_largest_change() -> None:
    results = samples.bad_run().scenarios
    ordered = worst_first(reversed(results))
    assert [GRAVITY.index(result.verdict) for result in ordered] == sorted(
        GRAVITY.index(result.verdict) for result in results
    )
    words = [state_of_result(result).word for result in ordered if result.verdict is Verdict.PASS]
    assert words == ["suspected", "inconclusive", "pass"]
    nothing = samples.result(
        "sessions.filtered",
        Verdict.FAIL,
        Finding(code=FindingCode.NOTHING_SUCCEEDED, parameters=samples.nothing_succeeded()),
    )
    assert worst_first([samples.missed_target(), nothing])[0] is nothing, "beyond any limit"


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.REGRESSED, Verdict.INVALID])
def test_what_is_found_besides_does_not_soften_a_verdict(verdict: Verdict) -> None:
    result: ScenarioResult = samples.suspected().model_copy(update={"verdict": verdict})
    assert state_of_result(result).word == verdict.value
