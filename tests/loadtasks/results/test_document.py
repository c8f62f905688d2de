"""The results file: written and read back, and refused where it is of an older version."""

import json
from pathlib import Path

import pytest

from loadtasks.errors import BadInputError, ExitCode
from loadtasks.report import sentences
from loadtasks.results.document import ResultsDocument, ScenarioResult, read_document
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.validity import AccessRefused
from loadtasks.results.judgement import Verdict
from loadtasks.scenarios.client_headers import hash_with_client_headers
from tests.measurements import measurement, run


def written(folder: Path, **changes: object) -> Path:
    """A results file with some of its fields changed, or left out where they are None."""
    path = folder / "results.json"
    ResultsDocument(run=run(), verdict=Verdict.INVALID, scenarios=[]).write(path)
    raw = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps({name: value for name, value in raw.items() if value is not None}), encoding="utf-8")
    return path


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    assert read_document(written(tmp_path)) == ResultsDocument(run=run(), verdict=Verdict.INVALID, scenarios=[])


def test_exit_codes_follow_the_verdict_but_where_every_scenario_was_refused() -> None:
    refused = Finding(code=FindingCode.ACCESS_REFUSED, parameters=AccessRefused(method="GET", path="/", status=401))
    throttled = Finding(code=FindingCode.NOT_MEASURED)

    def exit_code(*findings: Finding) -> ExitCode:
        scenarios = [
            ScenarioResult(scenario=f"a.{n}", endpoint="a", verdict=Verdict.INVALID, findings=[finding])
            for n, finding in enumerate(findings)
        ]
        return ResultsDocument(run=run(), verdict=Verdict.INVALID, scenarios=scenarios).exit_code

    assert exit_code() is exit_code(refused, throttled) is ExitCode.INVALID
    assert exit_code(refused, refused) is ExitCode.BAD_INPUT
    assert ResultsDocument(run=run(), verdict=Verdict.PASS, scenarios=[]).exit_code is ExitCode.GOOD


@pytest.mark.parametrize("version", [4, "5", None, 4.5])
def test_a_file_of_an_older_version_is_refused_in_one_sentence(tmp_path: Path, version: object) -> None:
    path = written(tmp_path, schema_version=version)
    with pytest.raises(BadInputError) as caught:
        read_document(path)
    stated = "it states no schema_version" if version is None else f"its schema_version is {version!r}"
    assert str(caught.value).startswith(f"{path}: {stated}, and only version 5 and later")
    assert "`python -m loadtasks report RUN`" in str(caught.value)


def test_a_file_of_a_later_version_is_read_as_far_as_it_is_known(tmp_path: Path) -> None:
    scenario = {
        "scenario": "dashboard.concurrent",
        "endpoint": "dashboard",
        "verdict": "fail",
        "mood": "new in version 7",
        "findings": [
            {"code": "clock_jumped", "kind": "validity", "parameters": {"by_s": 3}},
            {"code": "not_judged", "parameters": {"why": "new in version 7"}, "weather": "fine"},
        ],
    }
    document = read_document(written(tmp_path, schema_version=9, scenarios=[scenario], colour="new in version 9"))
    (result,) = document.scenarios
    assert (result.measurements, result.comparisons, result.repetitions) == ([], [], [])
    unknown, known = result.findings
    assert (unknown.code, unknown.kind) == (FindingCode.TEXT, FindingKind.VALIDITY)
    assert known == Finding(code=FindingCode.NOT_JUDGED)
    assert sentences.sentence(unknown) == "clock jumped"


def test_a_file_that_lacks_what_has_no_default_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"results\.json: run: Field required; so it is not a results file"):
        read_document(written(tmp_path, run=None))


def test_hashes_of_a_file_of_version_5_compare_with_those_of_today(tmp_path: Path) -> None:
    difference = {"field": "scenario", "now": "5eed", "before": "01d", "other_run": "r", "new_baseline": True}
    of_load = difference | {"field": "load", "now": {}, "before": {}}
    scenario = ScenarioResult(
        scenario="thing.concurrent",
        endpoint="thing",
        verdict=Verdict.PASS,
        measurements=[measurement()],
        baseline=[measurement(scenario_hash="01d")],
        findings=[Finding(code=FindingCode.NOT_COMPARABLE, parameters=found) for found in (difference, of_load)],
    ).model_dump(mode="json")
    for version, convert in ((5, hash_with_client_headers), (6, str)):
        (read,) = read_document(written(tmp_path, schema_version=version, scenarios=[scenario])).scenarios
        assert [found.scenario_hash for found in (*read.measurements, *read.baseline)] == [
            convert("5eed"),
            convert("01d"),
        ]
        requests, load = (found.parameters for found in read.findings)
        assert (requests.now, requests.before) == (convert("5eed"), convert("01d"))
        assert (load.now, load.before) == ({}, {})


@pytest.mark.parametrize("scenarios", [None, 3, [3], [{"measurements": 3}], [{"measurements": [3]}]])
def test_a_file_of_version_5_that_is_no_results_file_is_refused(tmp_path: Path, scenarios: object) -> None:
    with pytest.raises(BadInputError, match="so it is not a results file"):
        read_document(written(tmp_path, schema_version=5, scenarios=scenarios))
