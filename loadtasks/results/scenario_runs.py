"""The runs of one scenario as its page shows them: every metric, and what was found, read without whole documents."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import String, and_, case, cast, desc, func, or_, select
from sqlalchemy.orm import Session, aliased

from loadtasks.measurement.errors import ErrorCount
from loadtasks.measurement.histogram import Histogram
from loadtasks.measurement.metrics import METRICS
from loadtasks.measurement.model import Phase
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import Verdict
from loadtasks.results.schema import MeasurementRow, RunRow, VerdictRow

_OF_RUN = ("id", "sequence", "started_at", "target_version", "generator", "processes", "measurement_version")
TARGET_CODES = (FindingCode.TARGETS_MET, FindingCode.TARGET_MISSED)
"""The findings that name targets."""
_SHIFTS = ('"improvement"', '"regression')
"""What stands in the findings of runs that say where a baseline begins, or that a regression is seen in them."""
_FAILING = ("failed", "internal_errors", "dropped", "in_flight")
"""The counts of requests that did not end well."""


@dataclass(frozen=True)
class ScenarioRun:
    """One scenario, or one part of a mixed one, in one run."""

    run_id: str
    sequence: int
    """The order of runs; clocks can be wrong."""
    started_at: datetime
    """When the run started."""
    version: str | None
    """The target's; None where it isn't known."""
    verdict: Verdict | None
    """The scenario's; None while it is not judged."""
    fingerprint: tuple[object, ...]
    """What makes two runs comparable; empty where nothing was measured."""
    metrics: Mapping[str, float | None]
    """By name, of the reported repetition: those that were read. Empty where nothing was measured."""
    stored_findings: Sequence[Mapping[str, Any]] = ()

    @property
    def measured(self) -> bool:
        """Whether there is a measurement."""
        return bool(self.metrics)

    @property
    def valid(self) -> bool:
        """Whether its values say something about the API: measured, and not judged to be invalid."""
        return self.measured and self.verdict is not Verdict.INVALID

    @cached_property
    def codes(self) -> frozenset[str]:
        """The codes of its findings."""
        return frozenset(str(stored.get("code")) for stored in self.stored_findings)

    @property
    def has_failures(self) -> bool:
        """Whether requests did not end well."""
        return any(self.metrics.get(name) for name in _FAILING)

    def findings(self, *codes: FindingCode) -> Iterable[Finding]:
        """Its findings of some codes: only these are made of what is stored, since there are thousands."""
        if self.codes.isdisjoint(codes):
            return
        for stored in self.stored_findings:
            if stored.get("code") in codes:
                yield Finding.model_validate(stored)


class RunDetails(BaseModel):
    """What is shown of some runs only."""

    model_config = ConfigDict(frozen=True)

    statuses: dict[str, int]
    """As `Measurement.statuses`."""
    errors: list[ErrorCount]
    """By code, most frequent first."""
    phases: dict[str, Phase]
    """As `Measurement.phases`."""


def read_scenario_runs(session: Session, service: str, scenario: str, part: str, limit: int) -> list[ScenarioRun]:
    """The newest runs of a service that measured a scenario or judged it, oldest first."""
    query = (
        select(
            *(getattr(RunRow, name) for name in _OF_RUN),
            RunRow.reference_url.is_not(None).label("paired"),
            VerdictRow.verdict,
            VerdictRow.findings,
            MeasurementRow.scenario_hash,
            cast(MeasurementRow.load, String).label("load"),  # as text: it is compared alone
            *(getattr(MeasurementRow, name) for name in METRICS),
        )
        .select_from(RunRow)
        .outerjoin(
            MeasurementRow,
            and_(
                MeasurementRow.run_id == RunRow.id,
                MeasurementRow.scenario == scenario,
                MeasurementRow.part == part,
                MeasurementRow.reported,
            ),
        )
        .outerjoin(VerdictRow, and_(VerdictRow.run_id == RunRow.id, VerdictRow.scenario == scenario))
        .where(RunRow.service == service, or_(MeasurementRow.id.is_not(None), VerdictRow.run_id.is_not(None)))
        .order_by(desc(RunRow.sequence))
        .limit(limit)
    )
    return [_run(row) for row in reversed(session.execute(query).mappings().all())]


def read_runs_of_service(
    session: Session, service: str, limit: int, metrics: Sequence[str]
) -> dict[str, list[ScenarioRun]]:
    """The newest runs of a service, oldest first, by scenario as a whole that they measured.

    There are thousands of them. So only these metrics are read, and findings only of runs that found a regression or
    an improvement; runs that did not measure a scenario are left out.
    """
    newest = select(*(getattr(RunRow, name) for name in _OF_RUN), RunRow.reference_url.is_not(None))
    rows = session.execute(newest.where(RunRow.service == service).order_by(desc(RunRow.sequence)).limit(limit)).all()
    runs = {run_id: of_run for run_id, *of_run in reversed(rows)}
    stored = cast(VerdictRow.findings, String)
    query = (
        select(
            MeasurementRow.run_id,
            MeasurementRow.scenario,
            cast(MeasurementRow.scenario_hash, String),  # as the load: it is compared alone
            cast(MeasurementRow.load, String),
            VerdictRow.verdict,
            case((or_(*(stored.contains(shift) for shift in _SHIFTS)), VerdictRow.findings)),
            *(getattr(MeasurementRow, name) for name in metrics),
        )
        .outerjoin(
            VerdictRow,
            and_(VerdictRow.run_id == MeasurementRow.run_id, VerdictRow.scenario == MeasurementRow.scenario),
        )
        .where(MeasurementRow.run_id.in_(runs), MeasurementRow.part == "", MeasurementRow.reported)
        .order_by(MeasurementRow.position)
    )
    found: dict[str, dict[str, ScenarioRun]] = {}
    for run_id, scenario, scenario_hash, load, verdict, findings, *values in session.execute(query):
        sequence, started_at, version, *made = runs[run_id]
        found.setdefault(scenario, {})[run_id] = ScenarioRun(
            run_id,
            sequence,
            started_at,
            version,
            Verdict(verdict) if verdict else None,
            (*made, scenario_hash, load),
            dict(zip(metrics, values, strict=True)),
            findings or (),
        )
    return {
        scenario: [of_scenario[run_id] for run_id in runs if run_id in of_scenario]
        for scenario, of_scenario in found.items()
    }


def read_target_findings(session: Session, run_ids: Sequence[str]) -> dict[str, list[Finding]]:
    """The findings that name the targets of each scenario, of the newest valid of these runs that judged them."""
    stored = cast(VerdictRow.findings, String)
    judged = (
        select(VerdictRow.scenario, func.max(RunRow.sequence).label("sequence"))
        .join(RunRow, RunRow.id == VerdictRow.run_id)
        .where(
            VerdictRow.run_id.in_(run_ids),
            VerdictRow.verdict != Verdict.INVALID.value,
            or_(*(stored.contains(f'"{code.value}"') for code in TARGET_CODES)),
        )
        .group_by(VerdictRow.scenario)
        .subquery()
    )
    query = (
        select(VerdictRow.scenario, VerdictRow.findings)
        .join(RunRow, RunRow.id == VerdictRow.run_id)
        .join(judged, and_(judged.c.scenario == VerdictRow.scenario, judged.c.sequence == RunRow.sequence))
        .where(VerdictRow.run_id.in_(run_ids))
    )
    return {
        scenario: [Finding.model_validate(one) for one in findings if one.get("code") in TARGET_CODES]
        for scenario, findings in session.execute(query)
    }


def read_run_details(session: Session, scenario: str, part: str, run_ids: Sequence[str]) -> dict[str, RunDetails]:
    """The statuses, errors and phases of a scenario in some runs, by run."""
    names = list(RunDetails.model_fields)
    query = select(MeasurementRow.run_id, *(getattr(MeasurementRow, name) for name in names)).where(
        MeasurementRow.run_id.in_(run_ids),
        MeasurementRow.scenario == scenario,
        MeasurementRow.part == part,
        MeasurementRow.reported,
    )
    return {
        run_id: RunDetails.model_validate(dict(zip(names, values, strict=True)))
        for run_id, *values in session.execute(query)
    }


def read_repetitions(
    session: Session, service: str, scenario: str, part: str, metric: str
) -> dict[str, list[float | None]]:
    """The values of a metric of every repetition, by run, of the runs that have several."""
    again = aliased(MeasurementRow)
    value = getattr(MeasurementRow, metric)
    query = (
        select(MeasurementRow.run_id, value)
        .join(RunRow, RunRow.id == MeasurementRow.run_id)
        .join(
            again,
            and_(
                again.run_id == MeasurementRow.run_id,
                again.scenario == scenario,
                again.part == part,
                again.repetition == 2,  # noqa: PLR2004 - the second of at least two
            ),
        )
        .where(RunRow.service == service, MeasurementRow.scenario == scenario, MeasurementRow.part == part)
        .order_by(MeasurementRow.run_id, MeasurementRow.repetition)
    )
    found: dict[str, list[float | None]] = {}
    for run_id, one in session.execute(query):
        found.setdefault(run_id, []).append(one)
    return found


def read_histograms(session: Session, scenario: str, part: str, run_ids: Sequence[str]) -> dict[str, Histogram]:
    """The response times of a scenario in some runs, by run; none of a run that was pruned."""
    query = select(MeasurementRow.run_id, MeasurementRow.response).where(
        MeasurementRow.run_id.in_(run_ids),
        MeasurementRow.scenario == scenario,
        MeasurementRow.part == part,
        MeasurementRow.reported,
    )
    return {run_id: Histogram.decode(text) for run_id, text in session.execute(query) if text is not None}


def read_parts(session: Session, scenario: str, run_ids: Sequence[str]) -> list[str]:
    """The parts of a mixed scenario in some runs, in their order; empty of a scenario without parts."""
    query = (
        select(MeasurementRow.part, MeasurementRow.position)
        .where(MeasurementRow.run_id.in_(run_ids), MeasurementRow.scenario == scenario, MeasurementRow.part != "")
        .order_by(MeasurementRow.position, MeasurementRow.part)
    )
    return list(dict.fromkeys(part for part, _ in session.execute(query)))


def _run(row: Mapping[Any, Any]) -> ScenarioRun:
    measured = row["scenario_hash"] is not None
    made = ("generator", "processes", "measurement_version", "paired", "scenario_hash")
    return ScenarioRun(
        run_id=row["id"],
        sequence=row["sequence"],
        started_at=row["started_at"],
        version=row["target_version"],
        verdict=Verdict(row["verdict"]) if row["verdict"] else None,
        fingerprint=(*(row[name] for name in made), row["load"]) if measured else (),
        metrics={name: row[name] for name in METRICS} if measured else {},
        stored_findings=row["findings"] or (),
    )
