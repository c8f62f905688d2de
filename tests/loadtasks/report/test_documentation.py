"""docs/results.md says what results.json holds."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from loadtasks.engine.recording.round_ratios import RoundRatios
from loadtasks.measurement.errors import ErrorCount
from loadtasks.measurement.health import Calibration, Health
from loadtasks.measurement.model import Counts, Exemplar, Measurement, Phase
from loadtasks.measurement.target_metrics import TargetMetrics
from loadtasks.results.document import RepetitionSummary, ResultsDocument, ScenarioResult, read_document
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import MetricComparison, Verdict
from loadtasks.results.run import Run

PAGE = (Path(__file__).parents[3] / "docs" / "results.md").read_text(encoding="utf-8")


def _section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None, title
    return found[1]


@pytest.mark.parametrize(
    ("title", "model"),
    [
        ("The document", ResultsDocument),
        ("Run", Run),
        ("Scenario", ScenarioResult),
        ("Repetition", RepetitionSummary),
        ("Finding", Finding),
        ("Comparison", MetricComparison),
        ("Round ratios", RoundRatios),
        ("Measurement", Measurement),
        ("Target metrics", TargetMetrics),
        ("Exemplar", Exemplar),
    ],
)
def test_every_table_names_exactly_the_fields_of_its_model(title: str, model: type[BaseModel]) -> None:
    named = re.findall(r"^\| `(\w+)` +\|", _section(title), re.MULTILINE)
    assert sorted(named) == sorted({**model.model_fields, **model.model_computed_fields})


@pytest.mark.parametrize("model", [Counts, ErrorCount, Health, Calibration])
def test_the_inner_fields_are_named_too(model: type[BaseModel]) -> None:
    assert [name for name in model.model_fields if f"`{name}`" not in _section("Measurement")] == []


def test_the_fields_of_a_phase_are_named() -> None:
    assert [name for name in Phase.model_fields if f"`{name}`" not in _section("Phase")] == []


def test_every_kind_and_verdict_is_named() -> None:
    assert [each for each in FindingKind if f"`{each.value}`" not in _section("Finding")] == []
    assert [each for each in Verdict if f"`{each.value}`" not in _section("Scenario")] == []


def test_the_version_is_the_one_that_is_written() -> None:
    assert f"`schema_version` is **{ResultsDocument.model_fields['schema_version'].default}**" in PAGE


def test_the_example_is_a_document_that_we_write(tmp_path: Path) -> None:
    example = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    path = tmp_path / "results.json"
    path.write_text(example[1], encoding="utf-8")
    document = read_document(path)
    measurement = document.scenarios[0].measurements[0]
    assert document.verdict is Verdict.FAIL
    assert measurement.response.count == measurement.counts.completed == 17
    assert document.model_dump_json(indent=1) == example[1].strip(), "as we write it now"
