"""The results file: written and read back, and refused where it is of an older version."""

import json
import os
from pathlib import Path

import pytest

from loadtasks.errors import BadInputError, ExitCode
from loadtasks.report import sentences
from loadtasks.results.document import ResultsDocument, ScenarioResult, read_document, read_run
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
    document = read_document(written(tmp_path, schema_version=10, scenarios=[scenario], colour="new in version 10"))
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


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 100_000, "within one another"),
        (b'{"run": 1, "run": 2}', "'run' is given twice"),
        (b'{"run": NaN}', "NaN"),
        (b'{"run": 1e999}', "too large"),
        (b'{"run": ' + b"9" * 5000 + b"}", "digits"),
        (b'{"run": "\\ud800"}', "surrogate"),
        (b"[]", "no schema_version"),
        (b'{"schema_version": true}', "schema_version is True"),
    ],
)
def test_what_is_no_json_that_can_be_trusted_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=says) as caught:
        read_document(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"started_at": "2026-11-24T02:00:00"}, "run.started_at: time with a zone"),
        ({"started_at": "9999-12-31T23:59:59Z"}, "run.started_at: time from 1970 to 2999"),
        ({"load_factor": 1e300}, "run.load_factor: number"),
    ],
)
def test_what_can_not_be_reckoned_with_is_refused(tmp_path: Path, changed: dict[str, object], says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        read_document(written(tmp_path, run=run().model_dump(mode="json") | changed))


@pytest.mark.parametrize("counts", [{"completed": -1}, {"scheduled": "many"}])
def test_numbers_that_a_measurement_never_has_are_refused(tmp_path: Path, counts: dict[str, object]) -> None:
    whole = measurement().model_dump(mode="json")
    whole["counts"] |= counts
    scenario = {"scenario": "x", "endpoint": "x", "verdict": "pass", "measurements": [whole]}
    with pytest.raises(BadInputError, match=rf"measurements\.0\.counts\.{next(iter(counts))}"):
        read_document(written(tmp_path, scenarios=[scenario]))


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, what in ((tmp_path / "pipe", "a FIFO"), (Path("/dev/zero"), "a device"), (tmp_path, "a folder")):
        with pytest.raises(BadInputError, match=what):
            read_document(path)
        assert read_run(path) is None


@pytest.mark.parametrize(
    "finding",
    [
        3,
        {"code": {}},
        {"code": "regression"},
        {"code": "suspected", "parameters": {"metrics": 3}},
    ],
)
def test_a_finding_without_what_its_sentence_needs_is_refused(tmp_path: Path, finding: object) -> None:
    scenario = {"scenario": "x", "endpoint": "x", "verdict": "pass", "findings": [finding]}
    with pytest.raises(BadInputError, match=r"scenarios\.0\.findings\.0"):
        read_document(written(tmp_path, scenarios=[scenario]))
