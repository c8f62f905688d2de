"""Beginnings: kept before load is sent, so that a measurement that died differs from one that never began."""

import socket
from datetime import UTC, datetime
from typing import Self
from uuid import uuid4

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from loadtasks.results import repetitions
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.validity import Begun, FailureCode, MeasurementFailure
from loadtasks.results.schema import BeginningRow, FailureRow, MeasurementRow


class Beginning(BaseModel):
    """The newest time that load of a scenario was about to be sent in a run."""

    model_config = ConfigDict(frozen=True)

    id: str
    """Which of several tries it is: of a task that was retried while its first try was still at work, for instance."""
    begun_at: datetime
    host: str
    """The machine of the process that measured."""
    repeatable: bool
    """Whether the scenario can be measured again: one that uses up rows of its feeder can't."""
    disturbed: bool = False
    """Whether an earlier try was found to be at work since."""

    @classmethod
    def now(cls, *, repeatable: bool) -> Self:
        """A new try of this process."""
        return cls(id=uuid4().hex, begun_at=datetime.now(UTC), host=socket.gethostname(), repeatable=repeatable)


def begin(session: Session, run_id: str, scenario: str, beginning: Beginning) -> None:
    """Keep a beginning in place of the one before. What an earlier try measured stands, unless it was disturbed."""
    earlier = session.get(BeginningRow, (run_id, scenario))
    if earlier is not None and earlier.disturbed:
        repetitions.clear(session, run_id, scenario)
    is_measured = session.scalar(
        select(MeasurementRow.id).where(MeasurementRow.run_id == run_id, MeasurementRow.scenario == scenario).limit(1)
    )
    if is_measured is None:  # why an earlier try failed says nothing about this one
        session.execute(delete(FailureRow).where(FailureRow.run_id == run_id, FailureRow.scenario == scenario))
    session.merge(BeginningRow(run_id=run_id, scenario=scenario, **beginning.model_dump()))


def disturb(session: Session, run_id: str, scenario: str) -> None:
    """Keep that the newest try was disturbed by an earlier one."""
    of_scenario = (BeginningRow.run_id == run_id, BeginningRow.scenario == scenario)
    session.execute(update(BeginningRow).where(*of_scenario).values(disturbed=True))


def read(session: Session, run_id: str) -> dict[str, Beginning]:
    """The newest beginning of each scenario of a run that has one."""
    rows = session.scalars(select(BeginningRow).where(BeginningRow.run_id == run_id).order_by(BeginningRow.scenario))
    return {
        row.scenario: Beginning.model_validate({name: getattr(row, name) for name in Beginning.model_fields})
        for row in rows
    }


def failures(session: Session, run_id: str) -> dict[str, MeasurementFailure]:
    """The scenarios of which a beginning is kept and no outcome, or one that can't be trusted."""
    has_outcome = set(session.scalars(select(MeasurementRow.scenario).where(MeasurementRow.run_id == run_id)))
    has_outcome |= set(session.scalars(select(FailureRow.scenario).where(FailureRow.run_id == run_id)))
    found = {}
    for scenario, beginning in read(session, run_id).items():
        if beginning.disturbed or scenario not in has_outcome:
            code: FailureCode = (
                FindingCode.MEASURED_CONCURRENTLY if beginning.disturbed else FindingCode.MEASUREMENT_DIED
            )
            begun = Begun(begun_at=beginning.begun_at, host=beginning.host, repeatable=beginning.repeatable)
            found[scenario] = MeasurementFailure(code=code, begun=begun)
    return found
