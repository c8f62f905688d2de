"""What builds' logs must not show, and the exit code of a paired run."""

from pathlib import Path

import pytest

from loadtasks.builds.build import Build, HowToStart
from loadtasks.builds.startup import BuildFailedError
from loadtasks.errors import ExitCode
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.reference import ReferenceMissing
from loadtasks.results.judgement import Verdict
from loadtasks.steps.two_builds import BuildPair, exit_code_of_pair
from tests.measurements import run

MISSING = Finding(code=FindingCode.REFERENCE_MISSING, parameters=ReferenceMissing(error="it is gone"))
DEAD = {
    name: BuildFailedError(f"the {name} ended", [], code)
    for name, code in (("candidate", ExitCode.NOT_GOOD), ("reference", ExitCode.INVALID))
}


def test_secrets_are_values_with_a_name_that_says_so_and_passwords_in_urls() -> None:
    variables = {
        "DATABASE_URL": "postgresql://shop:pass%40word@db/shop",
        "API_TOKEN": "abc",
        "MODE": "fast",
        "ODD": "http://[",
        "EMPTY_SECRET": "",
    }
    pair = BuildPair(Build("candidate", "x", variables=variables), Build("reference", "x"), HowToStart(Path()))
    assert pair.secrets == {"pass@word", "abc"}


@pytest.mark.parametrize(
    ("verdict", "findings", "dead", "code"),
    [
        (Verdict.PASS, [], [], ExitCode.GOOD),
        (Verdict.REGRESSED, [], [], ExitCode.NOT_GOOD),
        (Verdict.INVALID, [], [], ExitCode.INVALID),
        (Verdict.PASS, [MISSING], [], ExitCode.INVALID),
        (Verdict.FAIL, [MISSING], [], ExitCode.NOT_GOOD),
        (Verdict.PASS, [], ["reference"], ExitCode.INVALID),
        (Verdict.INVALID, [], ["candidate"], ExitCode.NOT_GOOD),
        (Verdict.PASS, [], ["candidate", "reference"], ExitCode.NOT_GOOD),
    ],
)
def test_a_lost_reference_is_never_good(
    verdict: Verdict, findings: list[Finding], dead: list[str], code: ExitCode
) -> None:
    scenario = ScenarioResult(scenario="thing.one", endpoint="thing", verdict=verdict, findings=findings)
    document = ResultsDocument(run=run(), verdict=verdict, scenarios=[scenario])
    assert exit_code_of_pair(document, [DEAD[name] for name in dead]) is code
