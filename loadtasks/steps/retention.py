"""How long runs are kept: deleted as if they had never been made, or pruned to what later verdicts need."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from loadtasks.errors import BadInputError, LoadTasksError
from loadtasks.report import folder, mail
from loadtasks.results.pruning import OldRuns
from loadtasks.results.removal import RemovedRun
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.steps import rescue
from loadtasks.steps.run_context import RunContext
from loadtasks.units import plural

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OldRunsPlan:
    """What pruning would do."""

    before: datetime
    """Runs that began before this moment are old."""
    old: OldRuns
    left_over: list[str] = field(default_factory=list)
    """The ids of runs that were pruned before, but for their report, which could not be removed then."""
    foreign: list[str] = field(default_factory=list)
    """The names of the folders of reports that belong to no run of the results database. They are left alone: it may be
    a new database, and they all that there is of its past."""
    report_bytes: int = 0
    """The size of the reports that go."""


def delete_run(context: RunContext, run_id: str, *, unfinished: bool = False) -> RemovedRun:
    """Delete a run with everything of it: what is kept of it, its report, its mail in the outbox, what was rescued.

    `unfinished`: whether it may be one that has not ended.

    Raises:
        BadInputError: no such run, it has not ended, or it can't be deleted.
    """
    workspace = context.workspace
    with Store.open(workspace.results_url) as store:
        if store.run(run_id).ended_at is None and not unfinished:
            raise BadInputError(
                f"run {run_id} has not ended: let it end, or stop it; if its process was killed, delete it with "
                "--unfinished."
            )
        remove_files(context, run_id)  # first: while the run is kept, its removal can be tried again
        removed = store.remove_run(run_id)
        link_newest(context, store, [removed.run.service])
        store.give_back_space()
    return removed


def remove_files(context: RunContext, run_id: str) -> None:
    """Remove the report of a run, its mail in the outbox, and what was rescued of it.

    Raises:
        BadInputError: one can't be removed.
    """
    if folder.is_name(run_id):
        folder.remove(run_id, context.workspace.reports)
        mail.remove_from(context.workspace.outbox, run_id)
        rescue.remove(context.workspace.var, run_id)


def plan_pruning(context: RunContext, older_than: timedelta, service: str | None = None) -> OldRunsPlan:
    """What pruning the runs of a service, or of all, would do.

    Raises:
        BadInputError: the results database or the folder of reports can't be read.
    """
    reports, now = context.workspace.reports, datetime.now(UTC)
    before = now - older_than
    with Store.open(context.workspace.results_url) as store:
        old, pruned, known = store.old_runs(now, before, service), store.pruned(), set(store.run_ids())
        of_service = known if service is None else set(store.run_ids(service))
    folders = folder.run_ids(reports)
    left_over = [run_id for run_id in folders if run_id in pruned and run_id in of_service]
    going = [*(run.id for run in old.prunable), *left_over]
    return OldRunsPlan(
        before=before,
        old=old,
        left_over=left_over,
        foreign=[run_id for run_id in folders if run_id not in known],
        report_bytes=sum(folder.size_bytes(run_id, reports) for run_id in going if run_id in folders),
    )


def prune(context: RunContext, plan: OldRunsPlan) -> list[Run]:
    """Prune what was planned, run by run, and give the space back. Returns the runs that were pruned.

    Each run is a transaction of its own, after which its files go, so that it can be interrupted and repeated, and
    other runs can go on meanwhile. What has become needed since it was planned is left out.

    Raises:
        BadInputError: a report or a mail can't be removed, or there is no space to write the database anew; whatever
            could be done is done.
    """
    pruned: list[Run] = []
    problems: list[BadInputError] = []
    with Store.open(context.workspace.results_url) as store:
        for run in plan.old.prunable:
            if store.prune_run(run.id, datetime.now(UTC)):
                pruned.append(run)
                _attempt_removal(context, run.id, problems)
        for run_id in plan.left_over:
            _attempt_removal(context, run_id, problems)
        try:
            link_newest(context, store, store.services())
        except BadInputError as error:
            problems.append(error)
        try:
            store.give_back_space()
        except BadInputError as error:
            problems.append(error)
    if problems:
        more = f" Besides: {plural(len(problems) - 1, 'further problem')}." if len(problems) > 1 else ""
        raise BadInputError(
            f"pruned {plural(len(pruned), 'run')}, but not all could be done: {problems[0]}{more} The same command "
            "goes on from there."
        )
    return pruned


def prune_after(context: RunContext, run_id: str) -> None:
    """Prune the old runs of a run's service, where a setting says how long they are kept; a problem is a warning."""
    if context.settings.keep_days is None:
        return
    try:
        with Store.open(context.workspace.results_url) as store:
            service = store.run(run_id).service
    except LoadTasksError as error:
        log.warning("Old runs were not pruned: %s", error)
        return
    _prune_service(context, service, context.settings.keep_days)


def prune_all(context: RunContext) -> None:
    """Prune the old runs of every service, where a setting says how long they are kept; a problem is a warning.

    Raises:
        BadInputError: the results database can't be read.
    """
    if context.settings.keep_days is None:
        return
    with Store.open(context.workspace.results_url) as store:
        services = store.services()
    for service in services:
        _prune_service(context, service, context.settings.keep_days)


def give_back_space(context: RunContext) -> int:
    """Make the results database smaller where much of it is free, and keep what all Data Docs have in common once.

    Returns:
        The bytes of Data Docs that were freed.

    Raises:
        BadInputError: there is no space to write the database anew, or the reports can't be read.
    """
    with Store.open(context.workspace.results_url) as store:
        store.give_back_space()
    return folder.share_data_docs(context.workspace.reports)


def _prune_service(context: RunContext, service: str, keep_days: int) -> None:
    try:
        plan = plan_pruning(context, timedelta(days=keep_days), service)
        if plan.old.clock_ahead:
            log.warning(
                "Old runs were not pruned: by this machine's clock even the newest runs of %s are older than %d days; "
                "set the clock right; if it is, the next runs show it",
                service,
                keep_days,
            )
            return
        pruned = prune(context, plan)
    except LoadTasksError as error:
        log.warning("Old runs were not pruned: %s", error)
        return
    if pruned:
        log.info("Pruned %d runs older than %d days", len(pruned), keep_days)


def _attempt_removal(context: RunContext, run_id: str, problems: list[BadInputError]) -> None:
    try:
        if folder.is_name(run_id):
            mail.remove_from(context.workspace.outbox, run_id)
            folder.remove(run_id, context.workspace.reports)  # last: while it is there, the run counts as left over
    except BadInputError as error:
        problems.append(error)


def link_newest(context: RunContext, store: Store, services: Sequence[str]) -> None:
    """Let `latest`, and the link of each of these services, lead to its newest report.

    Raises:
        BadInputError: a link can't be written.
    """
    everything = store.run_ids()
    for service in services:
        folder.link_newest(context.workspace.reports, service, everything, store.run_ids(service))
