"""The results document: one run whole, as `results.json` holds it and as every report is rendered from it.

The JSON schema is `ResultsDocument.model_json_schema()`; docs/results.md describes it.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from loadtasks.engine.recording.round_ratios import RoundRatios
from loadtasks.errors import BadInputError, ExitCode
from loadtasks.input_files import MIB, UnusableFileError, read_text
from loadtasks.measurement.model import Measurement
from loadtasks.plain_text import plain
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.reference import WITHOUT_REFERENCE
from loadtasks.results.judgement import MetricComparison, Verdict
from loadtasks.results.migrations import old_hashes
from loadtasks.results.plausible import ImplausibleError, plausible
from loadtasks.results.run import Run
from loadtasks.strict_json import parse
from loadtasks.whole_file import write_whole

SCHEMA_VERSION = 13
"""Raised by one with every change that a reader would notice."""
FIRST_READ = 5
"""The oldest version that is read. In it and later ones a missing field has its default, an unknown one is ignored."""
_HASHES_OF_TODAY = 6
"""Since this version the client's own headers are part of scenario hashes."""
_WITH_HASHES = {
    "measurements": old_hashes.measurement,
    "baseline": old_hashes.measurement,
    "findings": old_hashes.finding,
}
"""The lists of a scenario whose elements have hashes, and what replaces these."""

_RUN_KEY = '"run": '
_MAX_RUN_LENGTH = 1 << 18
_MAX_BYTES = 256 * MIB
"""Of a results file: some hundred times what a run of a hundred scenarios takes."""
_MAX_REASON = 300


class RepetitionSummary(BaseModel):
    """One of several measurements of a scenario in the run, in short."""

    started_at: datetime
    p50_s: float | None
    p95_s: float | None
    success_rate: float | None
    reported: bool
    """Whether it is the one that is judged and shown."""
    trusted: bool
    """Whether it is valid, and so part of the baseline."""


class ScenarioResult(BaseModel):
    """One scenario of the run: its verdict, and what was measured."""

    scenario: str
    endpoint: str
    verdict: Verdict
    findings: list[Finding] = []
    comparisons: list[MetricComparison] = []
    baseline_run: str | None = None
    measurements: list[Measurement] = []
    """The whole first, then its parts; empty when nothing was measured."""
    repetitions: list[RepetitionSummary] = []
    """In order, where there are several; else empty."""
    baseline: list[Measurement] = []
    """The measurements of the baseline or of the reference, for the charts; empty where there is none."""
    round_ratios: list[RoundRatios] = []
    """The rounds with the reference: of the whole, then of the parts; empty where there were none."""

    @property
    def reference_problem(self) -> Finding | None:
        """Why it could not be compared with its reference, which was lost or is no yardstick; None where it could."""
        return next((finding for finding in self.findings if finding.code in WITHOUT_REFERENCE), None)


class ResultsDocument(BaseModel):
    """One run, whole."""

    schema_version: int = SCHEMA_VERSION
    run: Run
    verdict: Verdict
    scenarios: list[ScenarioResult]
    other_run: str | None = None
    """The run of another file that it was compared with."""
    only_in_other: list[str] = []
    """The scenarios of that file which this one lacks."""

    @property
    def exit_code(self) -> ExitCode:
        """The command line's exit code: that of the verdict; bad input where the target refused every scenario."""
        refused = [result.findings[:1] for result in self.scenarios]
        if refused and all(found and found[0].code is FindingCode.ACCESS_REFUSED for found in refused):
            return ExitCode.BAD_INPUT
        return self.verdict.exit_code

    def write(self, path: Path) -> None:
        """Write the document as JSON, whole or not at all."""
        write_whole(path, self.json_bytes())

    def json_bytes(self) -> bytes:
        """It as JSON."""
        return self.model_dump_json(indent=1).encode()


def read_document(path: Path, max_bytes: int = _MAX_BYTES) -> ResultsDocument:
    """Read a results file of at most `max_bytes`.

    Raises:
        BadInputError: the file is missing, cut short, not JSON, or not a results document of version 5 or later.
    """
    try:
        content = read_text(path, max_bytes)
    except UnusableFileError as error:
        raise BadInputError(f"{path}: {error}; name a results.json.") from error
    try:
        raw = parse(content)
    except ValueError as error:
        raise BadInputError(
            f"{path}: {error}; it was cut or edited: write it anew with `python -m loadtasks report RUN`."
        ) from error
    version = raw.get("schema_version") if isinstance(raw, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < FIRST_READ:
        raise BadInputError(
            f"{path}: {_stated(version)}, and only version {FIRST_READ} and later can be read; write it anew from the "
            "results database with `python -m loadtasks report RUN`."
        )
    try:
        document = ResultsDocument.model_validate(_of_today(raw, version) | {"schema_version": SCHEMA_VERSION})
        return plausible(document)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step) for step in first["loc"])
        reason = f"{field}: {first['msg']}"
    except (ImplausibleError, RecursionError) as error:
        reason = str(error)
    raise BadInputError(f"{path}: {plain(reason)[:_MAX_REASON]}; so it is not a results file of loadtasks.")


def _of_today(raw: dict[str, Any], version: int) -> dict[str, Any]:
    """A document of an older version whose scenario hashes compare with those of today."""
    if version >= _HASHES_OF_TODAY or not isinstance(raw.get("scenarios"), list):
        return raw
    return raw | {"scenarios": [_with_hashes_of_today(scenario) for scenario in raw["scenarios"]]}


def _with_hashes_of_today(scenario: Any) -> Any:
    """Nothing is checked here: what has another shape is left to be refused."""
    if not isinstance(scenario, dict):
        return scenario
    replaced = {
        name: [convert(item) if isinstance(item, dict) else item for item in scenario[name]]
        for name, convert in _WITH_HASHES.items()
        if isinstance(scenario.get(name), list)
    }
    return scenario | replaced


def read_run(path: Path) -> Run | None:
    """The run of a results file, from its beginning; None where there is none, or one of many thousand scenarios."""
    if not path.is_file():  # a FIFO would be waited for
        return None
    try:
        with path.open(encoding="utf-8") as file:
            beginning = file.read(_MAX_RUN_LENGTH)
        run, _ = json.JSONDecoder().raw_decode(beginning, beginning.index(_RUN_KEY) + len(_RUN_KEY))
        return Run.model_validate(run)
    except (OSError, ValueError, RecursionError):
        return None


def _stated(version: object) -> str:
    """What a file states about its version."""
    return "it states no schema_version" if version is None else f"its schema_version is {version!r}"
