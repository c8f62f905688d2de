"""Repetitions: a scenario may be measured several times in one night. All of them are kept, and one counts."""

from collections.abc import Sequence
from math import log

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from loadtasks.measurement.model import Measurement
from loadtasks.results import approval
from loadtasks.results.rows import measurement_of, measurement_row
from loadtasks.results.schema import FailureRow, MeasurementRow, PairingRow, RemarkRow, VerdictRow


class Repetition(BaseModel):
    """One of the times that a scenario was measured in one run."""

    model_config = ConfigDict(frozen=True)

    number: int
    """From 1, in order of measuring."""
    measurements: list[Measurement]
    """The whole first, then its parts."""
    reported: bool = True
    """Whether it stands for the night: in targets, reports, baselines and comparisons."""
    trusted: bool = True
    """Whether it is evidence for the history, if the night is valid."""

    @property
    def badness(self) -> tuple[float, float]:
        """What orders the repetitions of one night: how few good answers, then how slow."""
        whole = self.measurements[0]
        times_s = [each for each in (whole.p50_s, whole.p95_s) if each]
        return -(whole.success_rate or 0.0), sum(map(log, times_s))


def choose_reported(repetitions: Sequence[Repetition]) -> list[Repetition]:
    """The repetitions of one night in order, the one that counts being told.

    It is the middle one by badness of those that can be trusted (of two the milder, of four the second mildest), or of
    all where none can.
    """
    ordered = sorted(repetitions, key=lambda repetition: repetition.number)
    candidates = sorted([each for each in ordered if each.trusted] or ordered, key=lambda each: each.badness)
    chosen = candidates[(len(candidates) - 1) // 2].number
    return [each.model_copy(update={"reported": each.number == chosen}) for each in ordered]


def read(session: Session, run_id: str, scenario: str) -> list[Repetition]:
    """Every repetition of a scenario in one run, in order."""
    query = (
        select(MeasurementRow)
        .where(MeasurementRow.run_id == run_id, MeasurementRow.scenario == scenario)
        .order_by(MeasurementRow.repetition, MeasurementRow.position)
    )
    rows: dict[int, list[MeasurementRow]] = {}
    for row in session.scalars(query):
        rows.setdefault(row.repetition, []).append(row)
    return [
        Repetition(
            number=number,
            measurements=[measurement_of(row) for row in ours],
            reported=ours[0].reported,
            trusted=ours[0].trusted,
        )
        for number, ours in rows.items()
    ]


def clear(session: Session, run_id: str, scenario: str) -> None:
    """Forget whatever was kept of a scenario in one run, to make room for its first repetition."""
    _take_back(session, run_id, scenario)
    for table in (MeasurementRow, FailureRow, PairingRow):
        session.execute(delete(table).where(table.run_id == run_id, table.scenario == scenario))


def save(session: Session, run_id: str, scenario: str, repetition: Repetition) -> None:
    """Keep a repetition, in place of the one of its number, and mark the one that now counts.

    What was said of those before is taken back.

    Raises:
        ValueError: a measurement of another scenario among its own.
    """
    for measurement in repetition.measurements:
        if measurement.scenario != scenario:
            raise ValueError(f"a measurement of {measurement.scenario} among those of {scenario}")
    _take_back(session, run_id, scenario)
    others = [each for each in read(session, run_id, scenario) if each.number != repetition.number]
    chosen = next(each.number for each in choose_reported([*others, repetition]) if each.reported)
    ours = (MeasurementRow.run_id == run_id, MeasurementRow.scenario == scenario)
    session.execute(delete(MeasurementRow).where(*ours, MeasurementRow.repetition == repetition.number))
    session.add_all(
        measurement_row(run_id, position, each, repetition.number, repetition.trusted)
        for position, each in enumerate(repetition.measurements)
    )
    session.flush()
    session.execute(
        update(MeasurementRow).where(*ours).values({MeasurementRow.reported: MeasurementRow.repetition == chosen})
    )


def counting(session: Session, run_id: str, scenario: str | None, planned: Sequence[str]) -> list[Measurement]:
    """A run's measurements that count, or one scenario's, in the order planned; the whole first, then its parts."""
    query = select(MeasurementRow).where(MeasurementRow.run_id == run_id, MeasurementRow.reported)
    if scenario is not None:
        query = query.where(MeasurementRow.scenario == scenario)
    rows = session.scalars(query.order_by(MeasurementRow.scenario, MeasurementRow.position)).all()
    order = {name: number for number, name in enumerate(planned)}
    return [measurement_of(row) for row in sorted(rows, key=lambda row: order.get(row.scenario, len(order)))]


def _take_back(session: Session, run_id: str, scenario: str) -> None:
    """Forget what was said of a scenario's repetitions."""
    approval.withdraw(session, run_id, scenario)
    for table in (RemarkRow, VerdictRow):
        session.execute(delete(table).where(table.run_id == run_id, table.scenario == scenario))
