"""The past of every scenario, in numbers: what regressions are found in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, Select, and_, or_, select
from sqlalchemy.orm import Session

from loadtasks.results import approval
from loadtasks.results.fingerprint import Fingerprint
from loadtasks.results.judgement import Verdict
from loadtasks.results.schema import MeasurementRow, RunRow, VerdictRow

METRICS = ("p50_s", "p95_s", "throughput_per_s", "success_rate", "connect_mean_s")
"""The metrics whose past is judged."""


@dataclass(frozen=True)
class SeriesPoint:
    """One scenario, or one part of it, in one run."""

    run_id: str
    started_at: datetime
    """When the run was."""
    target_version: str | None
    fingerprint: Fingerprint
    values: NDArray[np.float64]
    """One for each of `METRICS`, of the repetition that counts; not a number where the measurement has none."""
    repetitions: NDArray[np.float64]
    """A row like `values` for each repetition that can be trusted, in order of measuring; at least one."""


@dataclass(frozen=True)
class MetricSeries:
    """The valid nights of one scenario, or of one part of it, since its last accepted level, oldest first."""

    scenario: str
    part: str
    points: Sequence[SeriesPoint]

    def like(self, fingerprint: Fingerprint) -> "MetricSeries":
        """Those nights only that can be compared with one of this fingerprint."""
        nights = [point for point in self.points if point.fingerprint == fingerprint]
        return MetricSeries(self.scenario, self.part, nights)

    def values(self, metric: str) -> NDArray[np.float64]:
        """The values of one of `METRICS`, a night each."""
        column = METRICS.index(metric)
        return np.array([point.values[column] for point in self.points], dtype=np.float64)


def read_series(
    session: Session, *, scenarios: Sequence[str] | None = None, whole: bool = False, unjudged: str | None = None
) -> list[MetricSeries]:
    """The past of all scenarios, or of those named.

    `whole`: from the first night on, whatever was accepted since. `unjudged`: a run that counts though it may have no
    verdicts yet.
    """
    begins = {} if whole else _beginnings(session)
    nights: dict[tuple[str, str], list[SeriesPoint]] = {}
    fingerprint = cache(_fingerprint)  # nights by the thousand have but a few
    rows = session.execute(_repetitions(scenarios, unjudged))
    for (scenario, part, started_at, run_id), repetitions in groupby(rows, itemgetter(0, 1, 2, 3)):
        found = nights.setdefault((scenario, part), [])
        if scenario not in begins or (started_at, run_id) >= begins[scenario]:
            found.append(_night(list(repetitions), fingerprint))
    return [MetricSeries(scenario, part, found) for (scenario, part), found in nights.items()]


def _repetitions(scenarios: Sequence[str] | None, unjudged: str | None) -> Select[Any]:
    """The repetitions of valid nights that are evidence, those of one night together and in order."""
    columns = (
        MeasurementRow.scenario,
        MeasurementRow.part,
        RunRow.started_at,
        MeasurementRow.run_id,
        RunRow.target_version,
        MeasurementRow.reported,
        MeasurementRow.scenario_hash,
        MeasurementRow.load,
        RunRow.generator,
        RunRow.target_url,
        RunRow.reference_url.is_not(None),
        *(getattr(MeasurementRow, name) for name in METRICS),
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
            or_(MeasurementRow.trusted, MeasurementRow.reported),
            or_(
                VerdictRow.verdict != Verdict.INVALID.value,
                and_(VerdictRow.verdict.is_(None), MeasurementRow.run_id == unjudged),
            ),
        )
        .order_by(
            MeasurementRow.scenario,
            MeasurementRow.position,
            RunRow.started_at,
            RunRow.id,
            MeasurementRow.repetition,
        )
    )
    return query if scenarios is None else query.where(MeasurementRow.scenario.in_(scenarios))


def _night(repetitions: Sequence[Row[Any]], fingerprint: Callable[..., Fingerprint]) -> SeriesPoint:
    """A night from the rows of its repetitions."""
    _, _, started_at, run_id, version, _, *made = repetitions[0][: -len(METRICS)]
    values = np.array([repetition[-len(METRICS) :] for repetition in repetitions], dtype=np.float64)
    counting = next(number for number, each in enumerate(repetitions) if each.reported)
    return SeriesPoint(run_id, started_at, version, fingerprint(*made), values[counting], values)


def _fingerprint(scenario_hash: str, load: str, generator: str, target_url: str, paired: bool) -> Fingerprint:
    return Fingerprint(
        scenario_hash=scenario_hash, load=load, generator=generator, target_url=target_url, paired=bool(paired)
    )


def _beginnings(session: Session) -> dict[str, tuple[object, str]]:
    """Where the current level of each scenario begins: the run that was approved last."""
    approved = {row.scenario: row.run_id for row in approval.current(session)}
    query = select(RunRow.id, RunRow.started_at).where(RunRow.id.in_(set(approved.values())))
    started_at = dict(session.execute(query).all())
    return {scenario: (started_at[run_id], run_id) for scenario, run_id in approved.items()}
