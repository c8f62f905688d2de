"""The store: what was measured and concluded, kept in the results database."""

from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from sqlalchemy import delete, desc, func, select
from sqlalchemy.orm import Session

from loadtasks.errors import BadInputError
from loadtasks.measurement.control import ControlReading, ControlSample
from loadtasks.measurement.health import Calibration
from loadtasks.measurement.model import Measurement
from loadtasks.results import approval, beginnings, creep_record, repetitions
from loadtasks.results.approval_store import Approvals
from loadtasks.results.beginnings import Beginning
from loadtasks.results.control_runs import ControlRun, add_sample, read_control_runs, replace_readings
from loadtasks.results.creep_record import CreepRecord
from loadtasks.results.database import ResultsDatabase
from loadtasks.results.findings.validity import ClockWentBack, MeasurementFailure, RunsOverlapped
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.message_store import Messages
from loadtasks.results.overdue_run import LateRuns
from loadtasks.results.overlap import overlapping_runs
from loadtasks.results.pairing import Pairing
from loadtasks.results.pruning import OldRuns, old_runs, prune_run
from loadtasks.results.records import Baseline, HistoryEntry
from loadtasks.results.regression_store import Regressions
from loadtasks.results.removal import RemovedRun, remove_run
from loadtasks.results.repetitions import Repetition, RepetitionReason
from loadtasks.results.rows import (
    failure_of,
    failure_row,
    pairing_of,
    pairing_row,
    run_of,
    run_values,
    run_verdict_of,
    verdict_of,
    verdict_row,
)
from loadtasks.results.run import Run, RunPlace
from loadtasks.results.run_browser import RunBrowser
from loadtasks.results.run_order import clock_went_back, find_run, newest_first, next_number
from loadtasks.results.schema import (
    FailureRow,
    MeasurementRow,
    PairingRow,
    RemovedRunRow,
    RunRow,
    VerdictRow,
)
from loadtasks.results.series import MetricSeries, read_history, read_series

__all__ = ["Baseline", "HistoryEntry", "Repetition", "Store"]


class Store:
    """Runs with everything that belongs to them. Every writing method is one transaction and can be repeated.

    All methods raise BadInputError, one sentence, when the database can't be read or written, or has no such run.
    """

    def __init__(self, database: ResultsDatabase) -> None:
        self._database = database
        self.approvals = Approvals(database)
        self.regressions = Regressions(database)
        self.messages = Messages(database)
        self.browser = RunBrowser(database)
        self.late_runs = LateRuns(database)

    @classmethod
    def open(cls, url: str, *, patient: bool = False) -> Self:
        """Open the results database at a SQLAlchemy URL, making and migrating it where needed.

        `patient`: wait for a server that is gone, as a run does once it has measured something.
        """
        return cls(ResultsDatabase(url, patient=patient))

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def open_run(self, run: Run) -> Run:
        """Begin a run, or begin it again: whatever was kept under its id is gone, approvals as a baseline too.

        Returns:
            The run with its sequence: it is the newest one now.
        """
        with self._database.writing() as session:
            number = next_number(session)
            approval.withdraw(session, run.id)
            for table in (RunRow, RemovedRunRow):
                session.execute(delete(table).where(table.id == run.id))
            opened = run.model_copy(update={"sequence": number})
            session.add(RunRow(**run_values(opened)))
        return opened

    def run(self, run_id: str) -> Run:
        """A run by its id."""
        with self._database.reading() as session:
            return run_of(find_run(session, run_id))

    def run_ids(self, service: str | None = None) -> list[str]:
        """The ids of the runs of a service, or of all, the one opened last first, whatever its clock said."""
        with self._database.reading() as session:
            return list(session.scalars(newest_first(select(RunRow.id), service)))

    def runs(self, service: str | None = None, limit: int = 20) -> list[tuple[Run, Verdict | None]]:
        """Runs of a service, or of all, with their verdicts (None while open), newest first."""
        with self._database.reading() as session:
            rows = session.scalars(newest_first(select(RunRow), service).limit(limit))
            return [(run_of(row), run_verdict_of(row)) for row in rows]

    def run_order(self, service: str) -> list[RunPlace]:
        """The runs of a service in the order in which they were opened, oldest first."""
        columns = (RunRow.id, RunRow.sequence, RunRow.started_at, RunRow.scenarios)
        query = select(*columns).where(RunRow.service == service).order_by(RunRow.sequence)
        with self._database.reading() as session:
            return [RunPlace(*row) for row in session.execute(query)]

    def services(self) -> list[str]:
        """The names of the services that have runs, the one of the newest run first."""
        with self._database.reading() as session:
            newest = select(RunRow.service).group_by(RunRow.service).order_by(desc(func.max(RunRow.sequence)))
            return list(session.scalars(newest))

    def newest_scheduled(self) -> dict[str, Run]:
        """The newest scheduled run of each DAG, by the DAG's id."""
        newest = (
            select(func.max(RunRow.sequence))
            .where(RunRow.trigger == "scheduled", RunRow.dag_id.is_not(None))
            .group_by(RunRow.dag_id)
        )
        with self._database.reading() as session:
            runs = [run_of(row) for row in session.scalars(select(RunRow).where(RunRow.sequence.in_(newest)))]
        return {run.dag_id: run for run in runs if run.dag_id is not None}

    def remove_run(self, run_id: str) -> RemovedRun:
        """Remove a run with all that belongs to it."""
        with self._database.writing() as session:
            return remove_run(session, find_run(session, run_id))

    def old_runs(self, now: datetime, before: datetime, service: str | None = None) -> OldRuns:
        """The runs of a service, or of all, that began before a moment and were not pruned yet; `now` by the clock."""
        with self._database.reading() as session:
            return old_runs(session, now, before, service)

    def prune_run(self, run_id: str, at: datetime) -> bool:
        """Prune a run, unless it has become needed, was pruned or is gone meanwhile. Returns whether that was done."""
        with self._database.writing() as session:
            return prune_run(session, run_id, at)

    def pruned(self) -> dict[str, datetime]:
        """When runs were pruned, by the ids of those that were."""
        with self._database.reading() as session:
            rows = session.execute(select(RunRow.id, RunRow.pruned_at).order_by(RunRow.sequence))
            return {run_id: pruned_at for run_id, pruned_at in rows if pruned_at is not None}

    def give_back_space(self) -> None:
        """Make the file of an SQLite database smaller where much of it is free; PostgreSQL does that by itself."""
        self._database.give_back_space()

    def clock_went_back(self, run_id: str) -> ClockWentBack | None:
        """What shows that a clock was wrong: earlier runs of the service that are dated after this one."""
        with self._database.reading() as session:
            return clock_went_back(session, find_run(session, run_id))

    def overlapping_runs(self, run_id: str) -> dict[str, list[RunsOverlapped]]:
        """The runs that may have disturbed a run's measurements, by scenario."""
        with self._database.reading() as session:
            return overlapping_runs(session, find_run(session, run_id))

    def save_calibration(self, run_id: str, host: str, calibration: Calibration) -> None:
        """Keep what the generator can do on a host."""
        with self._database.writing() as session:
            row = find_run(session, run_id)
            row.calibrations = {**row.calibrations, host: calibration.model_dump(mode="json")}

    def add_control_sample(self, run_id: str, sample: ControlSample) -> None:
        """Keep a sample of a control, after those before it."""
        with self._database.writing() as session:
            add_sample(find_run(session, run_id), sample)

    def save_control_readings(self, run_id: str, readings: Sequence[ControlReading]) -> None:
        """Keep what the controls of a run showed, in place of what was kept before."""
        with self._database.writing() as session:
            replace_readings(find_run(session, run_id), readings)

    def control_runs(self, service: str) -> list[ControlRun]:
        """The controls of a service's runs, oldest first, see `loadtasks.results.control_runs`."""
        with self._database.reading() as session:
            return read_control_runs(session, service)

    def close_run(self, run_id: str, verdict: Verdict, ended_at: datetime) -> None:
        """End a run with its verdict."""
        with self._database.writing() as session:
            row = find_run(session, run_id)
            row.verdict, row.ended_at, row.judged_at = verdict.value, ended_at, datetime.now(UTC)

    def save_measurements(
        self,
        run_id: str,
        scenario: str,
        measurements: Sequence[Measurement],
        failure: MeasurementFailure | None = None,
        pairing: Pairing | None = None,
    ) -> None:
        """Keep the first repetition of a scenario, in place of whatever was kept of the scenario in this run.

        `failure` says why the measurements can't be trusted all the same, where something went wrong while they were
        made; `pairing` is what the reference showed.
        """
        with self._database.writing() as session:
            _check_whole(session, run_id)
            repetitions.clear(session, run_id, scenario)
            repetitions.save(session, run_id, scenario, Repetition(number=1, measurements=list(measurements)))
            if pairing is not None:
                session.add(pairing_row(run_id, scenario, pairing))
            if failure is not None:
                session.add(failure_row(run_id, scenario, failure))

    def add_repetition(self, run_id: str, scenario: str, repetition: Repetition) -> None:
        """Keep a further repetition of a scenario, in place of one of the same number, and choose the reported one."""
        with self._database.writing() as session:
            _check_whole(session, run_id)
            repetitions.save(session, run_id, scenario, repetition)

    def repetitions(self, run_id: str, scenario: str) -> list[Repetition]:
        """Every repetition of a scenario in one run, in order."""
        with self._database.reading() as session:
            find_run(session, run_id)
            return repetitions.read(session, run_id, scenario)

    def repeated(self, run_id: str, reason: RepetitionReason) -> dict[str, list[Repetition]]:
        """All repetitions of the scenarios that were repeated for a reason, by scenario."""
        with self._database.reading() as session:
            query = select(MeasurementRow.scenario).where(
                MeasurementRow.run_id == run_id, MeasurementRow.reason == reason.value
            )
            names = session.scalars(query.distinct().order_by(MeasurementRow.scenario)).all()
            return {name: repetitions.read(session, run_id, name) for name in names}

    def begin(self, run_id: str, scenario: str, beginning: Beginning) -> None:
        """Keep that load of a scenario is about to be sent, in place of the time before."""
        with self._database.writing() as session:
            find_run(session, run_id)
            beginnings.begin(session, run_id, scenario, beginning)

    def beginnings(self, run_id: str) -> dict[str, Beginning]:
        """The newest beginning of each scenario of a run that has one."""
        with self._database.reading() as session:
            find_run(session, run_id)
            return beginnings.read(session, run_id)

    def disturb(self, run_id: str, scenario: str) -> None:
        """Keep that an earlier try sent load while the newest one of a scenario measured."""
        with self._database.writing() as session:
            find_run(session, run_id)
            beginnings.disturb(session, run_id, scenario)

    def save_failure(self, run_id: str, scenario: str, failure: MeasurementFailure) -> None:
        """Keep why a scenario was not measured, in place of whatever was kept of the scenario in this run."""
        with self._database.writing() as session:
            _check_whole(session, run_id)
            repetitions.clear(session, run_id, scenario)
            session.add(failure_row(run_id, scenario, failure))

    def measurements(self, run_id: str, scenario: str | None = None) -> list[Measurement]:
        """A run's reported measurements, or one scenario's, in the order planned; the whole first, then its parts."""
        with self._database.reading() as session:
            return repetitions.read_reported(session, run_id, scenario, find_run(session, run_id).scenarios)

    def failures(self, run_id: str) -> dict[str, MeasurementFailure]:
        """Why scenarios were not measured to their end, by scenario; also those that died without a word."""
        with self._database.reading() as session:
            find_run(session, run_id)
            rows = session.scalars(select(FailureRow).where(FailureRow.run_id == run_id).order_by(FailureRow.scenario))
            return {row.scenario: failure_of(row) for row in rows} | beginnings.failures(session, run_id)

    def pairings(self, run_id: str) -> dict[str, Pairing]:
        """What the run's reference showed, by scenario."""
        with self._database.reading() as session:
            find_run(session, run_id)
            rows = session.scalars(select(PairingRow).where(PairingRow.run_id == run_id))
            return {row.scenario: pairing_of(row) for row in rows}

    def save_verdicts(self, run_id: str, verdicts: Sequence[ScenarioVerdict]) -> None:
        """Keep the verdicts of a run, in place of those it had."""
        with self._database.writing() as session:
            find_run(session, run_id)
            session.execute(delete(VerdictRow).where(VerdictRow.run_id == run_id))
            session.add_all(verdict_row(run_id, position, verdict) for position, verdict in enumerate(verdicts))

    def verdicts(self, run_id: str) -> list[ScenarioVerdict]:
        """The verdicts of a run, in the order saved; empty when it was not judged."""
        with self._database.reading() as session:
            find_run(session, run_id)
            query = select(VerdictRow).where(VerdictRow.run_id == run_id).order_by(VerdictRow.position)
            return [verdict_of(row) for row in session.scalars(query)]

    def save_creeps(self, run_id: str, found: Sequence[CreepRecord]) -> None:
        """Keep the creeps that a run reports, in place of what it had reported before."""
        with self._database.writing() as session:
            find_run(session, run_id)
            creep_record.save(session, run_id, found)

    def creeps(self, service: str | None = None) -> list[CreepRecord]:
        """The creeps that the runs of a service, or of all, have reported, oldest first."""
        with self._database.reading() as session:
            return creep_record.read(session, service)

    def history(self, service: str, scenario: str, limit: int = 30, part: str = "") -> list[HistoryEntry]:
        """The measurements of a service's scenario (or of a part of a mixed one) in earlier runs, newest first."""
        with self._database.reading() as session:
            return read_history(session, service, scenario, limit, part)

    def series(
        self,
        service: str,
        *,
        scenarios: Sequence[str] | None = None,
        whole: bool = False,
        unjudged: str | None = None,
        since: int = 0,
    ) -> list[MetricSeries]:
        """The series of a service's scenarios, see `loadtasks.results.series`."""
        with self._database.reading() as session:
            return read_series(session, service, scenarios=scenarios, whole=whole, unjudged=unjudged, since=since)

    def has_run(self, run_id: str) -> bool:
        """Whether there is a run of this id."""
        with self._database.reading() as session:
            return session.get(RunRow, run_id) is not None


def _check_whole(session: Session, run_id: str) -> None:
    """Check that measurements can be kept in a run: it is there, and was not pruned."""
    row = find_run(session, run_id)
    if row.pruned_at is not None:
        raise BadInputError(
            f"run {run_id} was pruned on {row.pruned_at:%Y-%m-%d}: nothing can be added to it; make a new run."
        )
