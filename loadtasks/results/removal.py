"""A run removed: as if it had never been made, but for what people have decided since."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from loadtasks.errors import BadInputError
from loadtasks.results import approval
from loadtasks.results.regression import RegressionState
from loadtasks.results.rows import run_of
from loadtasks.results.run import Run
from loadtasks.results.schema import BaselineRow, MeasurementRow, MoveRow, RegressionRow, RemovedRunRow, RunRow


@dataclass
class RemovedRun:
    """A run that is gone, and what has changed with it."""

    run: Run
    measurements: int
    """How many it had, of whole scenarios and parts, with all repetitions."""
    deleted_regressions: list[int] = field(default_factory=list)
    """The ids of those that it had found and nobody had decided about: a later run finds again what is still there."""
    reopened_regressions: list[int] = field(default_factory=list)
    """The ids of those that had ended because it had recovered, or had accepted them automatically."""
    baselines: dict[str, str | None] = field(default_factory=dict)
    """The baseline run from now on of each scenario whose baseline run it was; None where there is no other."""


def remove_run(session: Session, run: RunRow) -> RemovedRun:
    """Remove a run with all that belongs to it."""
    own = session.scalar(select(func.count()).select_from(MeasurementRow).where(MeasurementRow.run_id == run.id))
    removed = RemovedRun(run=run_of(run), measurements=own or 0)
    approved = [row.scenario for row in approval.current(session, run.service) if row.run_id == run.id]
    for regression in session.scalars(select(RegressionRow).where(RegressionRow.service == run.service)):
        _take_out(session, run, regression, removed)
    session.flush()
    session.merge(
        RemovedRunRow(
            id=run.id,
            service=run.service,
            sequence=run.sequence,
            started_at=run.started_at,
            removed_at=datetime.now(UTC),
        )
    )
    session.execute(delete(RunRow).where(RunRow.id == run.id))
    session.expire_all()
    approval.approve_first(session, removed.run.service, approved)
    now = {row.scenario: row.run_id for row in approval.current(session, removed.run.service)}
    removed.baselines = {scenario: now.get(scenario) for scenario in approved}
    return removed


def _take_out(session: Session, run: RunRow, regression: RegressionRow, removed: RemovedRun) -> None:
    """Undo what a run has done to a regression, and let the next run stand where it stood."""
    undone = [move for move in regression.moves[1:] if move.run_id == run.id]
    by_others: Sequence[MoveRow] = [move for move in regression.moves[1:] if move not in undone]
    stands = any(move.run_id is None or move.state == RegressionState.ACCEPTED for move in by_others)
    if regression.found_run == run.id and not stands:
        removed.deleted_regressions.append(regression.id)
        session.delete(regression)
        return
    if undone:
        removed.reopened_regressions.append(regression.id)
        for move in undone:
            session.delete(move)
    if run.id not in (regression.first_run, regression.found_run):
        return
    following = _next_run(session, run, regression)
    if following is None:
        return
    if regression.first_run == run.id:
        regression.first_run = following.id
        if regression.moves[-1].state == RegressionState.ACCEPTED:
            _hand_over_approval(session, run, following, regression.scenario)
    if regression.found_run == run.id:
        regression.found_run = following.id


def _next_run(session: Session, run: RunRow, regression: RegressionRow) -> RunRow | None:
    """The first later run that measured what a regression is about."""
    query = (
        select(RunRow)
        .join(MeasurementRow, MeasurementRow.run_id == RunRow.id)
        .where(
            RunRow.service == run.service,
            RunRow.sequence > run.sequence,
            MeasurementRow.scenario == regression.scenario,
            MeasurementRow.part == regression.part,
        )
    )
    return session.scalars(query.order_by(RunRow.sequence).limit(1)).first()


def _hand_over_approval(session: Session, run: RunRow, following: RunRow, scenario: str) -> None:
    """What was accepted from a removed run on is accepted from the next one on."""
    try:
        hashes = approval.approvable(session, following, [scenario])
    except BadInputError:  # it can be no baseline: the one before the regression stands again
        return
    of_run = select(BaselineRow).where(BaselineRow.run_id == run.id, BaselineRow.scenario == scenario)
    for row in session.scalars(of_run):
        row.run_id, row.scenario_hash = following.id, hashes[scenario]
        row.target_version, row.generator = following.target_version, following.generator
