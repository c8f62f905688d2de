"""A scenario's past, in numbers."""

from sqlalchemy import desc, select
from sqlalchemy.orm import Session

from loadtasks.measurement.model import METRICS
from loadtasks.results.records import HistoryEntry
from loadtasks.results.schema import MeasurementRow, RunRow, VerdictRow


def entries(session: Session, scenario: str, limit: int, part: str) -> list[HistoryEntry]:
    """How a scenario (or a part of a mixed one) was measured in past runs, newest first."""
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
        .where(MeasurementRow.scenario == scenario, MeasurementRow.part == part, MeasurementRow.reported)
        .order_by(desc(MeasurementRow.started_at), desc(RunRow.id))
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
