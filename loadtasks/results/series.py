"""The history of scenarios in numbers: the series that regressions are found in, and the entries that people read."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, Select, String, and_, cast, desc, or_, select
from sqlalchemy.orm import Session

from loadtasks.measurement.metrics import BASELINE_METRICS, METRICS
from loadtasks.results import approval
from loadtasks.results.fingerprint import Fingerprint
from loadtasks.results.judgement import Verdict
from loadtasks.results.records import HistoryEntry
from loadtasks.results.schema import MeasurementRow, RunRow, VerdictRow

_FINGERPRINT = (
    "scenario_hash",
    "load",
    "generator",
    "processes",
    "measurement_version",
    "service",
    "paired",
)
"""The fields of a fingerprint, in the order in which they are selected."""
_COUNTS = ("scheduled", "completed", "throttled", "internal_errors")
"""The columns that say how many requests succeeded of how many."""


@dataclass(frozen=True)
class SeriesPoint:
    """One scenario, or one part of it, in one run."""

    run_id: str
    sequence: int
    """The order of runs; clocks can be wrong."""
    started_at: datetime
    """When the run started."""
    target_version: str | None
    fingerprint: Fingerprint
    values: NDArray[np.float64]
    """The value of each of `BASELINE_METRICS`, of the reported repetition; nan where the measurement has none."""
    requests: int
    """How many requests the reported repetition completed."""
    repetitions: NDArray[np.float64]
    """The values of each repetition that can be trusted, in order of measuring; shape: repetitions (at least one) x
    `BASELINE_METRICS`."""
    counts: NDArray[np.int64]
    """Of the same repetitions, how many requests did not succeed, and of how many; throttled ones don't count, nor do
    those that the load engine failed on. Shape: repetitions x 2."""


@dataclass(frozen=True)
class MetricSeries:
    """The valid runs of one scenario, or of one part of it, since its baseline run, oldest first."""

    scenario: str
    part: str
    points: Sequence[SeriesPoint]

    def like(self, fingerprint: Fingerprint) -> "MetricSeries":
        """The points that are comparable with a measurement of this fingerprint."""
        points = [point for point in self.points if point.fingerprint == fingerprint]
        return MetricSeries(self.scenario, self.part, points)

    def values(self, metric: str) -> NDArray[np.float64]:
        """The values of one of `BASELINE_METRICS`; shape: points."""
        column = list(BASELINE_METRICS).index(metric)
        return np.array([point.values[column] for point in self.points], dtype=np.float64)


def read_series(  # noqa: PLR0913 - all but two are named
    session: Session,
    service: str,
    *,
    scenarios: Sequence[str] | None = None,
    whole: bool = False,
    unjudged: str | None = None,
    since: int = 0,
) -> list[MetricSeries]:
    """The series of all scenarios of a service, or of some.

    Args:
        session: Of the results database.
        service: Its name.
        scenarios: Their names; None for all.
        whole: Whether to begin with the first stored run instead of each scenario's baseline run.
        unjudged: The id of a run whose measurements are included though it may have no verdicts yet.
        since: The sequence of the first run that is read.
    """
    begins = {} if whole else _baseline_runs(session, service)
    points: dict[tuple[str, str], list[SeriesPoint]] = {}
    fingerprint = cache(_fingerprint)  # thousands of runs have only a few
    rows = session.execute(_repetitions(service, scenarios, unjudged).where(RunRow.sequence >= since))
    for (scenario, part, sequence), repetitions in groupby(rows, itemgetter(0, 1, 2)):
        of_part = points.setdefault((scenario, part), [])
        if sequence >= begins.get(scenario, 0):
            of_part.append(_point(list(repetitions), fingerprint))
    return [MetricSeries(scenario, part, of_part) for (scenario, part), of_part in points.items()]


def read_history(session: Session, service: str, scenario: str, limit: int, part: str) -> list[HistoryEntry]:
    """The reported measurements of a service's scenario, or of a part of a mixed one, in past runs, newest first."""
    query = (
        select(
            RunRow.id,
            RunRow.target_version,
            RunRow.generator,
            VerdictRow.verdict,
            MeasurementRow.started_at,
            MeasurementRow.scenario_hash,
            MeasurementRow.load,
            *(getattr(MeasurementRow, name) for name in METRICS),
        )
        .select_from(MeasurementRow)
        .join(RunRow, RunRow.id == MeasurementRow.run_id)
        .outerjoin(
            VerdictRow,
            (VerdictRow.run_id == MeasurementRow.run_id) & (VerdictRow.scenario == MeasurementRow.scenario),
        )
        .where(
            RunRow.service == service,
            MeasurementRow.scenario == scenario,
            MeasurementRow.part == part,
            MeasurementRow.reported,
        )
        .order_by(desc(RunRow.sequence))
        .limit(limit)
    )
    return [
        HistoryEntry(
            run_id=row["id"],
            metrics={name: row[name] for name in METRICS},
            **{name: row[name] for name in HistoryEntry.model_fields if name not in ("run_id", "metrics")},
        )
        for row in session.execute(query).mappings()
    ]


def _repetitions(service: str, scenarios: Sequence[str] | None, unjudged: str | None) -> Select[Any]:
    """The trusted repetitions of valid measurements, those of one run together and in order."""
    columns = (
        MeasurementRow.scenario,
        MeasurementRow.part,
        RunRow.sequence,
        RunRow.started_at,
        MeasurementRow.run_id,
        RunRow.target_version,
        MeasurementRow.reported,
        *(getattr(MeasurementRow, name) for name in _COUNTS),
        MeasurementRow.scenario_hash,
        cast(MeasurementRow.load, String),  # as text, which the cache of fingerprints can look up
        RunRow.generator,
        RunRow.processes,
        RunRow.measurement_version,
        RunRow.service,
        RunRow.reference_url.is_not(None),
        *(getattr(MeasurementRow, name) for name in BASELINE_METRICS),
    )
    query = (
        select(*columns)
        .select_from(MeasurementRow)
        .join(RunRow, RunRow.id == MeasurementRow.run_id)
        .outerjoin(
            VerdictRow,
            (VerdictRow.run_id == MeasurementRow.run_id) & (VerdictRow.scenario == MeasurementRow.scenario),
        )
        .where(
            RunRow.service == service,
            or_(MeasurementRow.trusted, MeasurementRow.reported),
            or_(
                VerdictRow.verdict != Verdict.INVALID.value,
                and_(VerdictRow.verdict.is_(None), MeasurementRow.run_id == unjudged),
            ),
        )
        .order_by(
            MeasurementRow.scenario,
            MeasurementRow.position,
            RunRow.sequence,
            MeasurementRow.repetition,
        )
    )
    return query if scenarios is None else query.where(MeasurementRow.scenario.in_(scenarios))


def _point(rows: Sequence[Row[Any]], fingerprint: Callable[..., Fingerprint]) -> SeriesPoint:
    """A point from the rows of its repetitions."""
    _, _, sequence, started_at, run_id, version, _, *rest = rows[0][: -len(BASELINE_METRICS)]
    values = np.array([row[-len(BASELINE_METRICS) :] for row in rows], dtype=np.float64)
    reported = next((number for number, row in enumerate(rows) if row.reported), 0)  # else it was deleted by hand
    requests, made = rows[reported].completed, rest[len(_COUNTS) :]
    counts = np.array([_failed_of(row) for row in rows], dtype=np.int64)
    of_run = (run_id, sequence, started_at, version, fingerprint(*made))
    return SeriesPoint(*of_run, values[reported], requests, values, counts)


def _failed_of(row: Row[Any]) -> tuple[int, int]:
    """How many requests did not succeed, and of how many, as the success rate counts them."""
    admitted = max(row.scheduled - row.throttled - row.internal_errors, 0)
    return max(admitted - row.completed, 0), admitted


def _fingerprint(*values: Any) -> Fingerprint:
    named = dict(zip(_FINGERPRINT, values, strict=True))
    return Fingerprint(**named | {"load": json.loads(named["load"]), "paired": bool(named["paired"])})


def _baseline_runs(session: Session, service: str) -> dict[str, int]:
    """The sequence of each scenario's baseline run: the one that was approved last."""
    approved = {row.scenario: row.run_id for row in approval.current(session, service)}
    query = select(RunRow.id, RunRow.sequence).where(RunRow.id.in_(set(approved.values())))
    sequence = dict(session.execute(query).all())
    return {scenario: sequence[run_id] for scenario, run_id in approved.items()}
