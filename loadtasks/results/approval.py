"""Baselines: a run's measurements approved, and approvals withdrawn when what they approved is measured anew."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import and_, delete, desc, func, select
from sqlalchemy.orm import Session

from loadtasks.errors import BadInputError
from loadtasks.results.judgement import Verdict
from loadtasks.results.regression import AUTOMATIC
from loadtasks.results.schema import BaselineRow, MeasurementRow, RunRow, VerdictRow


def current(session: Session, service: str | None = None) -> list[BaselineRow]:
    """The newest approval of each scenario of a service, or of all services, by service and name."""
    newest = select(func.max(BaselineRow.id)).join(BaselineRow.run).group_by(RunRow.service, BaselineRow.scenario)
    rows = select(BaselineRow).join(BaselineRow.run).where(BaselineRow.id.in_(newest))
    if service is not None:
        rows = rows.where(RunRow.service == service)
    return list(session.scalars(rows.order_by(RunRow.service, BaselineRow.scenario)))


def by_people(session: Session, service: str) -> dict[str, str]:
    """The baseline runs of a service that people approved, by scenario; not those that the pipeline chose."""
    newest = select(func.max(BaselineRow.id)).join(BaselineRow.run).where(RunRow.service == service)
    query = select(BaselineRow.scenario, BaselineRow.run_id).where(
        BaselineRow.id.in_(newest.group_by(BaselineRow.scenario)), BaselineRow.approved_by != AUTOMATIC
    )
    return dict(session.execute(query).all())


def approvable(session: Session, run: RunRow, scenarios: Sequence[str] | None) -> dict[str, str]:
    """The scenarios of a run that can become baselines, or those named, with the fingerprint of each.

    Raises:
        BadInputError: a scenario was named that has no measurement in this run that can be a baseline.
    """
    hashes = _hashes(session, run.id)
    refused = _refused(session, run, hashes, scenarios if scenarios is not None else run.scenarios)
    if scenarios is not None and refused:
        raise BadInputError(f"run {run.id}: " + "; ".join(f"{name} {why_not}" for name, why_not in refused.items()))
    return {
        name: hashes[name] for name in (scenarios if scenarios is not None else run.scenarios) if name not in refused
    }


def approve(session: Session, run: RunRow, hashes: Mapping[str, str], *, approved_by: str, why: str) -> None:
    """Make a run the baseline run of scenarios, given with the fingerprint of each."""
    session.add_all(
        BaselineRow(
            scenario=name,
            run_id=run.id,
            approved_by=approved_by,
            approved_at=datetime.now(UTC),
            why=why,
            scenario_hash=scenario_hash,
            target_version=run.target_version,
            generator=run.generator,
        )
        for name, scenario_hash in hashes.items()
    )


def approve_first(session: Session, service: str, scenarios: Iterable[str]) -> None:
    """Make the first passing run the baseline run of each of these scenarios that has none."""
    known = {row.scenario for row in current(session, service)}
    for name in scenarios:
        if name in known:
            continue
        first = session.scalars(
            select(RunRow)
            .join(VerdictRow, VerdictRow.run_id == RunRow.id)
            .join(MeasurementRow, and_(MeasurementRow.run_id == RunRow.id, MeasurementRow.scenario == name))
            .where(
                RunRow.service == service,
                RunRow.verdict.in_(verdict.value for verdict in Verdict if verdict.good),
                RunRow.reference_url.is_(None),  # of a paired run the reference is the baseline
                VerdictRow.scenario == name,
                VerdictRow.verdict != Verdict.INVALID,
            )
            .order_by(RunRow.sequence)
            .limit(1)
        ).first()
        if first is not None:
            hashes = approvable(session, first, [name])
            approve(session, first, hashes, approved_by=AUTOMATIC, why="the first passing run")


def withdraw(session: Session, run_id: str, scenario: str | None = None, *, approved_by: str | None = None) -> None:
    """Withdraw the approvals of a run, of one scenario or by somebody alone; those before them are current again."""
    approvals = delete(BaselineRow).where(BaselineRow.run_id == run_id)
    if scenario is not None:
        approvals = approvals.where(BaselineRow.scenario == scenario)
    if approved_by is not None:
        approvals = approvals.where(BaselineRow.approved_by == approved_by)
    session.execute(approvals)


def _hashes(session: Session, run_id: str) -> dict[str, str]:
    """The fingerprint of each measured scenario."""
    columns = select(MeasurementRow.scenario, MeasurementRow.scenario_hash).where(
        MeasurementRow.run_id == run_id, MeasurementRow.reported
    )
    # The whole comes last, so that its fingerprint is the one that stays.
    return dict(session.execute(columns.order_by(desc(MeasurementRow.position))).all())


def _refused(session: Session, run: RunRow, hashes: dict[str, str], scenarios: Iterable[str]) -> dict[str, str]:
    """Why scenarios can't be a baseline, by name."""
    columns = select(VerdictRow.scenario, VerdictRow.verdict).where(VerdictRow.run_id == run.id)
    verdicts = dict(session.execute(columns).all())
    refused = {}
    for name in scenarios:
        if name not in run.scenarios:
            refused[name] = f"is not among its scenarios ({', '.join(run.scenarios)})"
        elif name not in hashes:
            refused[name] = "was not measured, so it can't be a baseline; choose another run or leave it out"
        elif name not in verdicts:
            refused[name] = "has not been judged yet, so it can't be a baseline; judge the run first"
        elif verdicts[name] == Verdict.INVALID:
            refused[name] = "is invalid, so it can't be a baseline; choose another run or leave it out"
    return refused
