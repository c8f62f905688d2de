"""The results document: one run whole, as `results.json` holds it and as every report is written from it.

The JSON schema is `ResultsDocument.model_json_schema()`; docs/results.md describes it. `schema_version` rises with
every change that a reader would notice.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from loadtasks.engine.recording.round_ratios import RoundRatios
from loadtasks.errors import BadInputError
from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import MetricComparison, Verdict
from loadtasks.results.run import Run


class RepetitionSummary(BaseModel):
    """One of several times that a scenario was measured in the run, in short."""

    started_at: datetime
    p50_s: float | None
    p95_s: float | None
    success_rate: float | None
    reported: bool
    """Whether its measurements are those of the scenario."""
    trusted: bool
    """Whether it is evidence for the history."""


class ScenarioResult(BaseModel):
    """One scenario of the run: what it means, and what was measured."""

    scenario: str
    endpoint: str
    verdict: Verdict
    findings: list[Finding]
    comparisons: list[MetricComparison]
    baseline_run: str | None
    measurements: list[Measurement]
    """The whole first, then its parts; empty when it could not be measured."""
    repetitions: list[RepetitionSummary] = []
    """In order, where it was measured more than once; else empty."""
    baseline: list[Measurement] = []
    """The baseline's measurements, or the reference's, likewise, for the plots; empty when there is none."""
    round_ratios: list[RoundRatios] = []
    """The rounds beside the reference, likewise; empty where there were none."""


class ResultsDocument(BaseModel):
    """One run, whole."""

    schema_version: Literal[4] = 4
    run: Run
    verdict: Verdict
    scenarios: list[ScenarioResult]
    other_run: str | None = None
    """The run of another file that its numbers were put beside."""

    def write(self, path: Path) -> None:
        """Write the document as JSON, whole or not at all."""
        unfinished = path.with_suffix(".partial")
        unfinished.write_text(self.model_dump_json(indent=1), encoding="utf-8")
        unfinished.replace(path)


def read_document(path: Path) -> ResultsDocument:
    """Read a results file.

    Raises:
        BadInputError: the file is missing, cut short, not JSON, or not a results document of this version.
    """
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(
            f"{path}: can't be read ({getattr(error, 'strerror', None) or error}); name a results.json."
        ) from error
    try:
        raw = json.loads(content)
    except json.JSONDecodeError as error:
        raise BadInputError(
            f"{path}: not whole JSON (line {error.lineno}: {error.msg}); it was cut or edited: write it anew with "
            "`python -m loadtasks report RUN`."
        ) from error
    version = raw.get("schema_version") if isinstance(raw, dict) else None
    read = ResultsDocument.model_fields["schema_version"].default
    if version != read:
        raise BadInputError(
            f"{path}: {_written_as(version)}, and only version {read} is read here; write it anew from the results "
            "database with `python -m loadtasks report RUN`."
        )
    try:
        return ResultsDocument.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step) for step in first["loc"])
        raise BadInputError(f"{path}: {field}: {first['msg']}; it is not a results file that we wrote.") from error


def _written_as(version: object) -> str:
    """What a file says of its version, in words."""
    return "it names no schema_version" if version is None else f"its schema_version is {version!r}"
