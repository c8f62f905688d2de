"""The approvals of a results database: which runs are the baselines of which scenarios, by whom and why."""

from collections.abc import Sequence

from sqlalchemy import desc, select

from loadtasks.results import approval
from loadtasks.results.database import ResultsDatabase
from loadtasks.results.records import Baseline
from loadtasks.results.rows import baseline_of
from loadtasks.results.run_order import find_run
from loadtasks.results.schema import BaselineRow, RunRow


class Approvals:
    """All approvals. Every writing method is one transaction and can be repeated.

    All methods raise BadInputError, one sentence, when the database can't be read or written, or has no such run.
    """

    def __init__(self, database: ResultsDatabase) -> None:
        self._database = database

    def current(self, service: str | None = None) -> list[Baseline]:
        """The current baseline of every scenario of a service, or of all, that has one, by service and name."""
        with self._database.reading() as session:
            return [baseline_of(row) for row in approval.current(session, service)]

    def standing(self, service: str) -> list[Baseline]:
        """Every approval of a service's scenarios that was not withdrawn, the newest first."""
        with self._database.reading() as session:
            query = select(BaselineRow).join(BaselineRow.run).where(RunRow.service == service)
            return [baseline_of(row) for row in session.scalars(query.order_by(desc(BaselineRow.id)))]

    def approve(
        self,
        run_id: str,
        *,
        approved_by: str,
        why: str,
        scenarios: Sequence[str] | None = None,
    ) -> list[str]:
        """Make a run's measurements the baseline of their scenarios (or of those named). Returns the ones approved.

        A scenario that is invalid, unmeasured or not judged is left out, or refused when it was named.
        """
        with self._database.writing() as session:
            run = find_run(session, run_id)
            hashes = approval.approvable(session, run, scenarios)
            approval.approve(session, run, hashes, approved_by=approved_by, why=why)
            return list(hashes)

    def approve_first(self, run_id: str) -> None:
        """Give each scenario of a run that has no baseline the first passing run of its service as one."""
        with self._database.writing() as session:
            run = find_run(session, run_id)
            approval.approve_first(session, run.service, run.scenarios)

    def withdraw(self, run_id: str, *, approved_by: str) -> None:
        """Withdraw the approvals of a run as a baseline run that somebody gave; those before them are current again."""
        with self._database.writing() as session:
            find_run(session, run_id)
            approval.withdraw(session, run_id, approved_by=approved_by)
