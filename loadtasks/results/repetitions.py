"""Repetitions: a scenario may be measured several times in one run. All are kept, and one of them is reported."""

from collections.abc import Sequence
from enum import StrEnum
from math import log

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from loadtasks.measurement.model import Measurement
from loadtasks.results import approval
from loadtasks.results.rows import measurement_of, measurement_row
from loadtasks.results.schema import FailureRow, MeasurementRow, PairingRow, VerdictRow


class RepetitionReason(StrEnum):
    """Why a scenario is repeated in the same run."""

    SUSPECT = "suspect"
    """To confirm: it looks worse than the baseline."""
    LEARNING = "learning"
    """To learn how much two measurements of one run differ."""
    INVALID = "invalid"
    """The measurement before it can't be trusted, for a reason that may have passed."""
    MISSING = "missing"
    """Nothing is kept of it that could be judged, for a reason that may have passed: it is measured as if first."""


class Repetition(BaseModel):
    """One of the times that a scenario was measured in one run."""

    model_config = ConfigDict(frozen=True)

    number: int
    """From 1, in order of measuring."""
    measurements: list[Measurement]
    """The whole first, then its parts."""
    reason: RepetitionReason | None = None
    """Why it was made; None of the first one."""
    reported: bool = True
    """Whether it is the one that is judged, shown, and compared."""
    trusted: bool = True
    """Whether it is part of the baseline, if the run is valid."""

    @property
    def badness(self) -> tuple[float, float]:
        """What orders the repetitions of one run: how few requests succeeded, then how slow they were."""
        whole = self.measurements[0]
        times_s = [time_s for time_s in (whole.p50_s, whole.p95_s) if time_s]
        return -(whole.success_rate or 0.0), sum(map(log, times_s))


def choose_reported(repetitions: Sequence[Repetition]) -> list[Repetition]:
    """The repetitions of one run in order, the reported one marked.

    It is the middle one by badness of those that can be trusted (the milder of two, the second mildest of four), or of
    all where none can.
    """
    ordered = sorted(repetitions, key=lambda repetition: repetition.number)
    trusted = [repetition for repetition in ordered if repetition.trusted]
    if not ordered:
        return []
    candidates = sorted(trusted or ordered, key=lambda repetition: repetition.badness)
    chosen = candidates[(len(candidates) - 1) // 2].number
    return [repetition.model_copy(update={"reported": repetition.number == chosen}) for repetition in ordered]


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
    found = [
        Repetition(
            number=number,
            measurements=[measurement_of(row) for row in of_number],
            reason=RepetitionReason(of_number[0].reason) if of_number[0].reason is not None else None,
            reported=of_number[0].reported,
            trusted=of_number[0].trusted,
        )
        for number, of_number in rows.items()
    ]
    one_is_reported = sum(repetition.reported for repetition in found) == 1
    return found if one_is_reported else choose_reported(found)  # some were deleted by hand


def clear(session: Session, run_id: str, scenario: str) -> None:
    """Delete whatever was kept of a scenario in one run, to make room for its first repetition."""
    _delete_conclusions(session, run_id, scenario)
    for table in (MeasurementRow, FailureRow, PairingRow):
        session.execute(delete(table).where(table.run_id == run_id, table.scenario == scenario))


def save(session: Session, run_id: str, scenario: str, repetition: Repetition) -> None:
    """Keep a repetition, in place of the one of its number, and mark the reported one among all.

    The verdict and the approval that the earlier ones led to are deleted.

    Raises:
        ValueError: a measurement of another scenario among its own.
    """
    for measurement in repetition.measurements:
        if measurement.scenario != scenario:
            raise ValueError(f"a measurement of {measurement.scenario} among those of {scenario}")
    _delete_conclusions(session, run_id, scenario)
    others = [other for other in read(session, run_id, scenario) if other.number != repetition.number]
    chosen = next(kept.number for kept in choose_reported([*others, repetition]) if kept.reported)
    of_scenario = (MeasurementRow.run_id == run_id, MeasurementRow.scenario == scenario)
    session.execute(delete(MeasurementRow).where(*of_scenario, MeasurementRow.repetition == repetition.number))
    session.add_all(
        measurement_row(
            run_id,
            position,
            measurement,
            repetition=repetition.number,
            reason=repetition.reason,
            trusted=repetition.trusted,
        )
        for position, measurement in enumerate(repetition.measurements)
    )
    session.flush()
    reported = {MeasurementRow.reported: MeasurementRow.repetition == chosen}
    session.execute(update(MeasurementRow).where(*of_scenario).values(reported))


def read_reported(session: Session, run_id: str, scenario: str | None, planned: Sequence[str]) -> list[Measurement]:
    """A run's reported measurements, or one scenario's, in the order planned; the whole first, then its parts."""
    query = select(MeasurementRow).where(MeasurementRow.run_id == run_id, MeasurementRow.reported)
    if scenario is not None:
        query = query.where(MeasurementRow.scenario == scenario)
    rows = session.scalars(query.order_by(MeasurementRow.scenario, MeasurementRow.position)).all()
    order = {name: number for number, name in enumerate(planned)}
    return [measurement_of(row) for row in sorted(rows, key=lambda row: order.get(row.scenario, len(order)))]


def _delete_conclusions(session: Session, run_id: str, scenario: str) -> None:
    """Delete what was concluded from a scenario's repetitions."""
    approval.withdraw(session, run_id, scenario)
    session.execute(delete(VerdictRow).where(VerdictRow.run_id == run_id, VerdictRow.scenario == scenario))
