"""Runs that were under way at the same time and may have measured each other."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from loadtasks.results.findings.validity import RunsOverlapped
from loadtasks.results.schema import FailureRow, MeasurementRow, RunRow

_MAX_SILENCE = timedelta(hours=1)
"""How long an unfinished run that shows no sign of life is taken to be under way: a scenario rarely lasts longer, and a
run that was killed should not be named for ever."""
_MAX_DURATION = timedelta(hours=12)
"""The longest measurement that is looked for."""


class _Span(NamedTuple):
    begin: datetime
    end: datetime

    def overlaps(self, other: "_Span") -> bool:
        return self.begin < other.end and other.begin < self.end


def overlapping_runs(session: Session, run: RunRow) -> dict[str, list[RunsOverlapped]]:
    """The runs that sent load while a run measured, to the same service or from the same generator; by scenario."""
    own = _spans(session, run.id)
    if not own:
        return {}
    found: dict[str, list[RunsOverlapped]] = {}
    whole = _Span(min(span.begin for _, span in own), max(span.end for _, span in own))
    for other in _candidates(session, run, whole):
        busy = _busy(session, run, other, whole)
        parameters = RunsOverlapped(
            other_run=other.id,
            other_service=other.service,
            same_service=other.service == run.service,
            same_generator=other.generator == run.generator,
            ended=other.ended_at is not None,
        )
        for scenario in dict.fromkeys(name for name, span in own if any(map(span.overlaps, busy))):
            found.setdefault(scenario, []).append(parameters)
    return found


def _candidates(session: Session, run: RunRow, whole: _Span) -> Iterable[RunRow]:
    """The other runs on the generator or of the service that measured around that time, or have not ended."""
    measured = select(MeasurementRow.run_id).where(
        MeasurementRow.started_at < whole.end, MeasurementRow.started_at > whole.begin - _MAX_DURATION
    )
    query = select(RunRow).where(
        RunRow.id != run.id,
        or_(RunRow.service == run.service, RunRow.generator == run.generator),
        or_(RunRow.id.in_(measured), RunRow.ended_at.is_(None)),
    )
    return session.scalars(query.order_by(RunRow.sequence)).all()


def _busy(session: Session, run: RunRow, other: RunRow, whole: _Span) -> list[_Span]:
    """When another run measured, as far as it is known: of an unfinished one, the scenario at work is not kept yet."""
    spans = _spans(session, other.id)
    busy = [span for _, span in spans]
    failed = session.scalars(select(FailureRow.scenario).where(FailureRow.run_id == other.id))
    remaining = set(other.scenarios) - {name for name, _ in spans} - set(failed)
    if other.ended_at is None and remaining:
        seen = max([other.started_at, *(span.end for span in busy)])
        is_later = other.sequence > run.sequence
        if is_later or whole.begin - seen < _MAX_SILENCE:
            busy.append(_Span(seen, whole.end))
    return busy


def _spans(session: Session, run_id: str) -> list[tuple[str, _Span]]:
    """When a run measured its scenarios, every repetition of them."""
    query = select(MeasurementRow.scenario, MeasurementRow.started_at, MeasurementRow.elapsed_s)
    return [
        (scenario, _Span(started_at, started_at + timedelta(seconds=elapsed_s)))
        for scenario, started_at, elapsed_s in session.execute(
            query.where(MeasurementRow.run_id == run_id, MeasurementRow.part == "")
        )
    ]
