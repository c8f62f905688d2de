"""Creeps that runs have reported, so that each is reported once."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from loadtasks.measurement.model import label_of
from loadtasks.results.findings.finding import Finding
from loadtasks.results.plausible import plausible
from loadtasks.results.schema import CreepRow, RunRow


class CreepRecord(BaseModel):
    """The creep of one scenario, or one part of a mixed one."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    """The id of the run that reported it."""
    scenario: str
    part: str
    anchor_run: str
    """The id of the first run of the anchor that it crept away from."""
    findings: tuple[Finding, ...]
    """One for each metric; never empty."""

    @property
    def label(self) -> str:
        """How people read its scenario and part: `mixed.concurrent (sessions)`."""
        return label_of(self.scenario, self.part)


def save(session: Session, run_id: str, found: Sequence[CreepRecord]) -> None:
    """Keep what a run reports, in place of what it had reported before."""
    session.execute(delete(CreepRow).where(CreepRow.run_id == run_id))
    session.add_all(CreepRow(**record.model_dump(mode="json")) for record in found)


def read(session: Session, service: str | None) -> list[CreepRecord]:
    """What the runs of a service, or of all, have reported, oldest first."""
    query = select(CreepRow).join(RunRow, RunRow.id == CreepRow.run_id).order_by(RunRow.sequence, CreepRow.scenario)
    if service is not None:
        query = query.where(RunRow.service == service)
    return [record_of(row) for row in session.scalars(query.order_by(CreepRow.part))]


def record_of(row: CreepRow) -> CreepRecord:
    """The record of a row."""
    return plausible(CreepRecord.model_validate({name: getattr(row, name) for name in CreepRecord.model_fields}))
