"""docs/results.md says what results.json holds."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import BaseModel

from loadtasks import units
from loadtasks.engine.recording.round_ratios import RoundRatios
from loadtasks.measurement.availability import Availability
from loadtasks.measurement.errors import ErrorCount
from loadtasks.measurement.health import Calibration, Health
from loadtasks.measurement.histogram import min_count
from loadtasks.measurement.metrics import METRICS
from loadtasks.measurement.model import Counts, Exemplar, Measurement, Phase
from loadtasks.measurement.target_metrics import TargetMetrics
from loadtasks.results.document import SCHEMA_VERSION, RepetitionSummary, ResultsDocument, ScenarioResult, read_document
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import PARAMETERS, Finding
from loadtasks.results.findings.parameters import Parameters
from loadtasks.results.judgement import MetricComparison, Verdict
from loadtasks.results.run import Run
from tests.loadtasks.report import samples

FILE = Path(__file__).parents[3] / "docs" / "results.md"
PAGE = FILE.read_text(encoding="utf-8")


def _section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None, title
    return found[1]


def _check(pattern: str, made: str) -> None:
    """See that a part of the page is the one made here, or write it where that is asked for."""
    found = re.search(pattern, PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None, pattern
    if os.environ.get("UPDATE_SNAPSHOTS"):
        FILE.write_text(FILE.read_text(encoding="utf-8").replace(found[1], made), encoding="utf-8")
    else:
        assert found[1] == made, "write it with UPDATE_SNAPSHOTS=1"


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


@pytest.mark.parametrize("model", [Counts, ErrorCount, Health, Calibration, Availability])
def test_the_inner_fields_are_named_too(model: type[BaseModel]) -> None:
    assert [name for name in model.model_fields if f"`{name}`" not in _section("Measurement")] == []


def test_the_table_of_metrics_is_that_of_the_registry() -> None:
    heads = ("name", "metric", "unit", "better", "compared with", "requests needed")
    rows = []
    for metric in METRICS.values():
        judges = {"baseline": metric.judged_by.baseline, "reference": metric.judged_by.reference}
        rows.append(
            (
                f"`{metric.name}`",
                metric.label,
                metric.unit.replace("_", " "),
                ("higher" if metric.higher_is_better else "lower") if any(judges.values()) else units.MISSING,
                ", ".join(name for name, rule in judges.items() if rule is not None) or units.MISSING,
                f"{min_count(metric.quantile):,}" if metric.quantile is not None else units.MISSING,
            )
        )
    _check(r"^## Metrics\n.*?\n(\| name .*?)\n\n", _table(heads, rows))


def test_the_table_of_codes_is_that_of_the_findings() -> None:
    rows = []
    for code in FindingCode:
        kind = code.kind.value if code is not FindingCode.TEXT else "any"
        names = PARAMETERS.get(code, Parameters).model_fields
        rows.append((f"`{code.value}`", kind, ", ".join(f"`{name}`" for name in names) or units.MISSING))
    _check(r"^## Finding codes\n.*?\n(\| code .*?)\n\n", _table(("code", "kind", "parameters"), rows))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, its columns aligned."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = (heads, ["-" * width for width in widths], *rows)
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |" for line in lines
    )


def test_the_fields_of_a_phase_are_named() -> None:
    assert [name for name in Phase.model_fields if f"`{name}`" not in _section("Phase")] == []


def test_every_kind_and_verdict_is_named() -> None:
    assert [kind for kind in FindingKind if f"`{kind.value}`" not in _section("Finding")] == []
    assert [verdict for verdict in Verdict if f"`{verdict.value}`" not in _section("Scenario")] == []


def test_the_version_is_the_one_that_is_written() -> None:
    assert f"`schema_version` is **{SCHEMA_VERSION}**" in PAGE


def test_the_example_is_a_document_as_it_is_written(tmp_path: Path) -> None:
    result = samples.missed_target()
    measurements = [
        measurement.model_copy(update={"exemplars": measurement.exemplars[:1]}) for measurement in result.measurements
    ]
    changes = {"measurements": measurements, "baseline": [], "comparisons": result.comparisons[-2:-1]}
    document = samples.document(result.model_copy(update=changes))
    _check(r"^## An example\n.*?```json\n(.*?)\n```", document.model_dump_json(indent=1))
    path = tmp_path / "results.json"
    document.write(path)
    assert read_document(path) == document
