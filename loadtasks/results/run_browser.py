"""What pages show of many runs at once, read without their histograms: verdicts, a few metrics, and whose they are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import desc, func, select

from loadtasks.measurement.histogram import Histogram
from loadtasks.results import approval, scenario_runs
from loadtasks.results.database import ResultsDatabase
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.rows import run_of, run_verdict_of, verdict_of
from loadtasks.results.run import Run
from loadtasks.results.scenario_runs import RunDetails, ScenarioRun
from loadtasks.results.schema import MeasurementRow, RunRow, VerdictRow


@dataclass(frozen=True)
class ScenarioValues:
    """What one run measured of one scenario as a whole, in short."""

    run_id: str
    scenario: str
    p50_s: float | None
    p95_s: float | None
    success_rate: float | None
    verdict: Verdict | None
    """None while the run has not been judged."""


@dataclass(frozen=True)
class RunNeighbours:
    """The runs of the same service that were opened before and after a run."""

    previous: str | None
    following: str | None


@dataclass(frozen=True)
class ListedRun:
    """A run as lists show it."""

    run: Run
    verdict: Verdict | None
    """None while it is open, and where it never ended."""
    pruned_at: datetime | None
    tally: Mapping[Verdict, int]
    """How many of its scenarios have which verdict."""


class RunBrowser:
    """Queries of many runs. All methods raise BadInputError, one sentence, when the database can't be read."""

    def __init__(self, database: ResultsDatabase) -> None:
        self._database = database

    def dags(self) -> dict[str, set[str | None]]:
        """The DAGs that made the runs of every service, the service of the newest run first.

        None stands for runs of the command line, and for those that an older version stored.
        """
        newest = desc(func.max(RunRow.sequence))
        query = select(RunRow.service, RunRow.dag_id).group_by(RunRow.service, RunRow.dag_id).order_by(newest)
        found: dict[str, set[str | None]] = {}
        with self._database.reading() as session:
            for service, dag_id in session.execute(query):
                found.setdefault(service, set()).add(dag_id)
        return found

    def newest_runs(self, service: str, limit: int) -> list[tuple[Run, Verdict | None]]:
        """The runs of a service that were opened last, oldest first, with their verdicts (None while open)."""
        query = select(RunRow).where(RunRow.service == service).order_by(desc(RunRow.sequence)).limit(limit)
        with self._database.reading() as session:
            rows = list(session.scalars(query))
            return [(run_of(row), run_verdict_of(row)) for row in reversed(rows)]

    def newest_of_dags(self, service: str, dag_ids: Collection[str]) -> Run | None:
        """The run of a service that one of these DAGs made last; None where there is none."""
        query = select(RunRow).where(RunRow.service == service, RunRow.dag_id.in_(dag_ids))
        with self._database.reading() as session:
            row = session.scalar(query.order_by(desc(RunRow.sequence)).limit(1))
            return run_of(row) if row is not None else None

    def values(self, run_ids: Sequence[str]) -> list[ScenarioValues]:
        """What these runs measured of each scenario as a whole, in the order in which the runs were opened."""
        query = (
            select(
                MeasurementRow.run_id,
                MeasurementRow.scenario,
                MeasurementRow.p50_s,  # type: ignore[attr-defined]  # the registry of metrics makes these columns
                MeasurementRow.p95_s,  # type: ignore[attr-defined]
                MeasurementRow.success_rate,  # type: ignore[attr-defined]
                VerdictRow.verdict,
            )
            .join(RunRow, RunRow.id == MeasurementRow.run_id)
            .outerjoin(
                VerdictRow,
                (VerdictRow.run_id == MeasurementRow.run_id) & (VerdictRow.scenario == MeasurementRow.scenario),
            )
            .where(MeasurementRow.run_id.in_(run_ids), MeasurementRow.part == "", MeasurementRow.reported)
            .order_by(RunRow.sequence, MeasurementRow.position)
        )
        with self._database.reading() as session:
            return [
                ScenarioValues(run_id, scenario, p50_s, p95_s, success, Verdict(verdict) if verdict else None)
                for run_id, scenario, p50_s, p95_s, success, verdict in session.execute(query)
            ]

    def verdicts(self, run_ids: Sequence[str]) -> dict[str, list[ScenarioVerdict]]:
        """The verdicts of the scenarios of these runs, by run, in the order planned."""
        query = select(VerdictRow).where(VerdictRow.run_id.in_(run_ids)).order_by(VerdictRow.position)
        found: dict[str, list[ScenarioVerdict]] = {run_id: [] for run_id in run_ids}
        with self._database.reading() as session:
            for row in session.scalars(query):
                found[row.run_id].append(verdict_of(row))
        return found

    def target_findings(self, run_ids: Sequence[str]) -> dict[str, list[Finding]]:
        """The findings that name the targets of each scenario, of the newest valid of these runs that judged them."""
        with self._database.reading() as session:
            return scenario_runs.read_target_findings(session, run_ids)

    def neighbours(self, run: Run) -> RunNeighbours:
        """The runs of the same service before and after a run, in the order in which they were opened."""
        of_service = select(RunRow.id).where(RunRow.service == run.service)
        before = of_service.where(RunRow.sequence < run.sequence).order_by(desc(RunRow.sequence)).limit(1)
        after = of_service.where(RunRow.sequence > run.sequence).order_by(RunRow.sequence).limit(1)
        with self._database.reading() as session:
            return RunNeighbours(session.scalar(before), session.scalar(after))

    def started(self, run_ids: Sequence[str]) -> dict[str, datetime]:
        """When these runs started, by id; those that are gone are missing."""
        query = select(RunRow.id, RunRow.started_at).where(RunRow.id.in_(run_ids))
        with self._database.reading() as session:
            return dict(session.execute(query).all())

    def sequence_of_newest(self, service: str, number: int) -> int:
        """The place of the first of so many newest runs of a service; 0 where it has fewer."""
        query = select(RunRow.sequence).where(RunRow.service == service).order_by(desc(RunRow.sequence))
        with self._database.reading() as session:
            return session.scalar(query.offset(number - 1).limit(1)) or 0

    def sequences(self, run_ids: Sequence[str]) -> dict[str, int]:
        """The places of these runs in the order in which they were opened, by id; those that are gone are missing."""
        query = select(RunRow.id, RunRow.sequence).where(RunRow.id.in_(run_ids))
        with self._database.reading() as session:
            return dict(session.execute(query).all())

    def count(self, services: Collection[str]) -> int:
        """How many runs these services have."""
        query = select(func.count()).select_from(RunRow).where(RunRow.service.in_(services))
        with self._database.reading() as session:
            return session.scalar(query) or 0

    def listed(self, services: Collection[str], offset: int, limit: int) -> list[ListedRun]:
        """Runs of these services, newest first, from a place in that order on."""
        query = select(RunRow).where(RunRow.service.in_(services)).order_by(desc(RunRow.sequence))
        with self._database.reading() as session:
            rows = list(session.scalars(query.offset(offset).limit(limit)))
            counted = select(VerdictRow.run_id, VerdictRow.verdict, func.count()).where(
                VerdictRow.run_id.in_([row.id for row in rows])
            )
            tallies: dict[str, dict[Verdict, int]] = {}
            for run_id, verdict, number in session.execute(counted.group_by(VerdictRow.run_id, VerdictRow.verdict)):
                tallies.setdefault(run_id, {})[Verdict(verdict)] = number
            return [ListedRun(run_of(row), run_verdict_of(row), row.pruned_at, tallies.get(row.id, {})) for row in rows]

    def find(self, run_id: str) -> ListedRun | None:
        """A run by its id; None where there is none."""
        with self._database.reading() as session:
            row = session.get(RunRow, run_id)
            return ListedRun(run_of(row), run_verdict_of(row), row.pruned_at, {}) if row is not None else None

    def newest_of_versions(self, service: str, limit: int) -> list[Run]:
        """The last run of each version of a service's target, that of the newest version first."""
        newest = (
            select(func.max(RunRow.sequence).label("sequence"))
            .where(RunRow.service == service, RunRow.target_version.is_not(None))
            .group_by(RunRow.target_version)
            .order_by(desc("sequence"))
            .limit(limit)
        )
        with self._database.reading() as session:
            rows = session.scalars(select(RunRow).where(RunRow.sequence.in_(newest)).order_by(desc(RunRow.sequence)))
            return [run_of(row) for row in rows]

    def last_until(self, service: str, moment: datetime) -> Run | None:
        """The last run of a service that started before a moment; its first one where none did, None without any."""
        of_service = select(RunRow).where(RunRow.service == service)
        before = of_service.where(RunRow.started_at < moment).order_by(desc(RunRow.started_at), desc(RunRow.sequence))
        with self._database.reading() as session:
            row = session.scalar(before.limit(1)) or session.scalar(of_service.order_by(RunRow.sequence).limit(1))
            return run_of(row) if row is not None else None

    def scenario_runs(self, service: str, scenario: str, part: str, limit: int) -> list[ScenarioRun]:
        """The newest runs of a service that measured a scenario or judged it, oldest first."""
        with self._database.reading() as session:
            return scenario_runs.read_scenario_runs(session, service, scenario, part, limit)

    def runs_of_service(self, service: str, limit: int, metrics: Sequence[str]) -> dict[str, list[ScenarioRun]]:
        """The newest runs of a service, oldest first, by scenario as a whole that they measured, with some metrics."""
        with self._database.reading() as session:
            return scenario_runs.read_runs_of_service(session, service, limit, metrics)

    def approved_by_people(self, service: str) -> dict[str, str]:
        """The baseline runs of a service that people approved, by scenario; not those that the pipeline chose."""
        with self._database.reading() as session:
            return approval.by_people(session, service)

    def run_details(self, scenario: str, part: str, run_ids: Sequence[str]) -> dict[str, RunDetails]:
        """The statuses, errors and phases of a scenario in some runs, by run."""
        with self._database.reading() as session:
            return scenario_runs.read_run_details(session, scenario, part, run_ids)

    def repeated_values(self, service: str, scenario: str, part: str, metric: str) -> dict[str, list[float | None]]:
        """The values of a metric of every repetition, by run, of the runs that have several."""
        with self._database.reading() as session:
            return scenario_runs.read_repetitions(session, service, scenario, part, metric)

    def histograms(self, scenario: str, part: str, run_ids: Sequence[str]) -> dict[str, Histogram]:
        """The response times of a scenario in some runs, by run; none of a run that was pruned."""
        with self._database.reading() as session:
            return scenario_runs.read_histograms(session, scenario, part, run_ids)

    def parts(self, scenario: str, run_ids: Sequence[str]) -> list[str]:
        """The parts of a mixed scenario in some runs, in their order; empty of a scenario without parts."""
        with self._database.reading() as session:
            return scenario_runs.read_parts(session, scenario, run_ids)


def _in_order(tally: Mapping[Verdict, int]) -> dict[Verdict, int]:
    return {verdict: tally[verdict] for verdict in Verdict if verdict in tally}
