"""What pages show of many runs at once, read without their histograms: verdicts, a few metrics, and whose they are."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import desc, func, select

from loadtasks.results.database import ResultsDatabase
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.rows import run_of, run_verdict_of, verdict_of
from loadtasks.results.run import Run
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
            return dict(session.execute(query).tuples().all())
