"""Old runs made small: their decisions and metrics stay, what only a report shows goes.

Of a pruned run the histograms, exemplars, rounds with the reference and the contents of sent messages are gone. What
judges later runs stays: metrics, counts, errors, phases, health, verdicts, findings, comparisons, approvals and
regressions.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, desc, func, select, update
from sqlalchemy.orm import Session

from loadtasks.results import approval
from loadtasks.results.judgement import Verdict
from loadtasks.results.message import MessageState
from loadtasks.results.regression import AUTOMATIC, RegressionState
from loadtasks.results.rows import prune_measurement, run_of
from loadtasks.results.run import Run
from loadtasks.results.run_order import is_clock_ahead, plausible_dates
from loadtasks.results.schema import MeasurementRow, MessageRow, PairingRow, RegressionRow, RunRow, VerdictRow


class KeptBecause(StrEnum):
    """Why an old run is kept whole."""

    NOT_ENDED = "not ended"
    NEWEST = "newest"
    """The newest run of its service, which `latest` leads to."""
    BASELINE = "baseline"
    """Later runs are shown next to it."""
    REGRESSION = "regression"
    """A regression that has not ended began or was found in it, or in the run after it: the runs since are shown next
    to the last one before."""


@dataclass
class OldRuns:
    """The runs that began before some moment, oldest first; those that are pruned already are in neither list."""

    prunable: list[Run] = field(default_factory=list)
    kept: dict[str, KeptBecause] = field(default_factory=dict)
    """The ids of those that are kept whole all the same, and why."""
    clock_ahead: bool = False
    """Whether even the newest runs are old: then the clock may be wrong."""


def old_runs(session: Session, now: datetime, before: datetime, service: str | None = None) -> OldRuns:
    """The runs of a service, or of all, that began before a moment and were not pruned yet.

    A run is old if its date says so and those of the runs made before and after it do. `now`: what the clock says.
    """
    needed = needed_runs(session)
    query = select(RunRow).order_by(RunRow.sequence)
    if service is not None:
        query = query.where(RunRow.service == service)
    rows = session.scalars(query).all()
    dates = [row.started_at for row in rows]
    found = OldRuns(clock_ahead=is_clock_ahead(dates, before))
    for row, began in zip(rows, plausible_dates(dates, now), strict=True):
        if began >= before or row.pruned_at is not None:
            continue
        reason = KeptBecause.NOT_ENDED if row.ended_at is None else needed.get(row.id)
        if reason is None:
            found.prunable.append(run_of(row))
        else:
            found.kept[row.id] = reason
    return found


def prune_run(session: Session, run_id: str, at: datetime) -> bool:
    """Prune a run, unless it has become needed, was pruned or is gone meanwhile. Returns whether that was done."""
    run = session.get(RunRow, run_id, with_for_update=True)
    if run is None or run.ended_at is None or run.pruned_at is not None or run_id in needed_runs(session):
        return False
    for row in session.scalars(select(MeasurementRow).where(MeasurementRow.run_id == run_id)):
        prune_measurement(row)
    session.execute(delete(PairingRow).where(PairingRow.run_id == run_id, PairingRow.problem.is_(None)))
    settled = (MessageRow.run_id == run_id, MessageRow.state != MessageState.PENDING.value)
    session.execute(update(MessageRow).where(*settled).values(content=""))
    run.pruned_at = at
    return True


def needed_runs(session: Session) -> dict[str, KeptBecause]:
    """The ids of the ended runs that are kept whole, however old."""
    needed = dict.fromkeys(_of_regressions(session), KeptBecause.REGRESSION)
    needed |= {row.run_id: KeptBecause.BASELINE for row in approval.current(session)}
    newest = select(func.max(RunRow.sequence)).group_by(RunRow.service)
    newest_ids = session.scalars(select(RunRow.id).where(RunRow.sequence.in_(newest)))
    return needed | dict.fromkeys(newest_ids, KeptBecause.NEWEST)


def _of_regressions(session: Session) -> Iterator[str]:
    """The runs around each regression that has not ended, and the baseline runs of automatic acceptances.

    Around a regression are its first run, the one that found it, and the last valid one before.
    """
    begins: dict[tuple[str, str, str], str] = {}
    for regression in session.scalars(select(RegressionRow).order_by(RegressionRow.id)):
        last = regression.moves[-1]
        if last.state == RegressionState.ACCEPTED and last.who == AUTOMATIC:
            begins[regression.service, regression.scenario, regression.part] = regression.first_run
        if RegressionState(last.state).ended:
            continue
        yield regression.found_run
        yield regression.first_run
        first = session.get(RunRow, regression.first_run)
        before = _last_valid_before(session, first, regression) if first is not None else None
        if before is not None:
            yield before
    yield from begins.values()


def _last_valid_before(session: Session, first: RunRow, regression: RegressionRow) -> str | None:
    query = (
        select(RunRow.id)
        .join(VerdictRow, VerdictRow.run_id == RunRow.id)
        .where(
            RunRow.service == first.service,
            RunRow.sequence < first.sequence,
            RunRow.reference_url.is_(None),
            VerdictRow.scenario == regression.scenario,
            VerdictRow.verdict != Verdict.INVALID.value,
        )
    )
    return session.scalars(query.order_by(desc(RunRow.sequence)).limit(1)).first()
