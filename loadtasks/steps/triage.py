"""What people decide between runs: baselines, regressions, how sensitive the detector should be."""

import getpass
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loadtasks.errors import BadInputError
from loadtasks.measurement.model import label_of
from loadtasks.results.creep_record import CreepRecord
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import Verdict
from loadtasks.results.regression import AUTOMATIC, MovePlace, Regression, RegressionState, ids_of_groups
from loadtasks.results.store import Store
from loadtasks.steps.judging import compare_series
from loadtasks.steps.past_runs import find_service
from loadtasks.steps.run_context import RunContext
from loadtasks.verdict.history.backtest import find_alarms
from loadtasks.verdict.history.lifecycle import KnownChanges, raised_thresholds
from loadtasks.verdict.history.replay import Alarm


def approve(
    context: RunContext, run_id: str, *, why: str, scenarios: Sequence[str] | None = None, who: str | None = None
) -> list[str]:
    """Make a run the baseline run of its scenarios, or of those named. Returns the scenarios approved.

    `who`: who decides; None: the user of this process.

    Raises:
        BadInputError: no such run, or no measurement in it that can be a baseline.
    """
    with Store.open(context.workspace.results_url) as store:
        approved = store.approvals.approve(run_id, approved_by=who or current_user(), why=why, scenarios=scenarios)
    if not approved:
        raise BadInputError(f"run {run_id}: no valid measurement in it, so it can't be a baseline; choose another.")
    return approved


def current_user() -> str:
    """Who decides: the name of the user of this process, or the number of one without a name, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the latter from Python 3.13 on
        return str(os.getuid())


def move_regression(  # noqa: PLR0913 - all but three are named
    context: RunContext,
    number: int,
    state: RegressionState,
    *,
    who: str,
    why: str,
    place: MovePlace = MovePlace.COMMAND_LINE,
) -> Regression:
    """Move a regression to another state. Accepting one makes the first run of the shift the baseline run.

    Regressions that people know by one id, since most scenarios shifted at once, are moved together; those that were
    accepted automatically are reopened together. Returns the one of the id, or the first that moved where that one has
    ended otherwise. Whoever bears the pipeline's own name, under which it decides automatically, is kept as a user.

    Raises:
        BadInputError: there is no regression of this id, or its state can't change to this one.
    """
    who = f"user {who}" if who == AUTOMATIC else who
    with Store.open(context.workspace.results_url) as store:
        members = store.regressions.group_of(number)
        reopened = state is RegressionState.OPEN
        moving = [one for one in members if (one.accepted_automatically_in if reopened else not one.state.ended)]
        for member in moving or members[:1]:
            member.check_may_become(state)
            if reopened:
                _check_baseline(store, member)
            if state is RegressionState.ACCEPTED:
                _check_first_run(store, member)
        if state is RegressionState.ACCEPTED:
            _accept(store, moving, who, why)
        moved = [store.regressions.move(member.id, state, who=who, why=why, place=place) for member in moving]
        return next((member for member in moved if member.id == number), moved[0])


def _accept(store: Store, regressions: Sequence[Regression], who: str, why: str) -> None:
    """Make the first run of each regression the baseline run of its scenario.

    A regression that most scenarios share is accepted for all of them: those that show it, and have too little evidence
    for a regression yet, would else be found one by one. Only a scenario with another open regression is left out.
    """
    for regression in regressions:
        store.approvals.approve(regression.first_run, approved_by=who, why=why, scenarios=[regression.scenario])
    first = next((one for one in regressions if one.shared_since is not None), None)
    if first is None or first.shared_since is None or not store.has_run(first.shared_since):
        return
    run = store.run(first.shared_since)
    apart = {one.scenario for one in store.regressions.all(run.service, ended=False)} | set(run.controls.scenarios)
    left = [name for name in run.scenarios if name not in apart]
    valid = {verdict.scenario for verdict in store.verdicts(run.id) if verdict.verdict is not Verdict.INVALID}
    if others := [name for name in left if name in valid]:
        store.approvals.approve(run.id, approved_by=who, why=why, scenarios=others)


def _check_first_run(store: Store, regression: Regression) -> None:
    if not store.has_run(regression.first_run):
        raise BadInputError(
            f"regression {regression.id} ({regression.label}) began in run {regression.first_run}, which was deleted: "
            "no baseline can begin with it; approve another run (`python -m loadtasks baseline approve RUN "
            f"{regression.scenario}`), then `python -m loadtasks regressions dismiss {regression.id}`."
        )


def _check_baseline(store: Store, regression: Regression) -> None:
    accepted_at = regression.moves[-1].at
    for baseline in store.approvals.current(regression.service):
        later = baseline.approved_by != AUTOMATIC and baseline.approved_at > accepted_at
        if baseline.scenario == regression.scenario and later:
            raise BadInputError(
                f"regression {regression.id} ({regression.label}) can't be reopened: {baseline.approved_by} made run "
                f"{baseline.run_id} the baseline run on {baseline.approved_at:%Y-%m-%d}, and no later run is compared "
                "with what was before it."
            )


@dataclass(frozen=True)
class ListedChanges:
    """What people may decide about, and what is known without being a regression."""

    regressions: Sequence[Regression]
    """All of them, newest first."""
    creeps: Sequence[CreepRecord]
    """What runs have reported and nobody has accepted since, oldest first."""
    thresholds: Sequence[tuple[str, Finding]]
    """What dismissals have taught, as of the newest run of each service, with the label of the scenario or part."""


def known_changes(context: RunContext) -> ListedChanges:
    """The regressions of a service, or of all, with what belongs to them.

    Raises:
        BadInputError: the results database can't be read.
    """
    named = context.settings.service
    with Store.open(context.workspace.results_url) as store:
        regressions = store.regressions.all(named)
        services = store.services() if named is None else [named]
        dismissed = {one.service for one in regressions if one.state is RegressionState.DISMISSED}
        return ListedChanges(
            regressions=regressions,
            creeps=[record for service in services for record in _standing_creeps(store, service)],
            thresholds=[
                raised
                for service in services
                if service in dismissed
                for raised in _raised_thresholds(context, store, service)
            ],
        )


def _standing_creeps(store: Store, service: str) -> Iterator[CreepRecord]:
    """The creeps of a service's scenarios that nobody has accepted since: no later run was approved."""
    place = {run_id: number for number, run_id in enumerate(reversed(store.run_ids(service)))}
    approved = {
        one.scenario: place[one.run_id] for one in store.approvals.current(service) if one.approved_by != AUTOMATIC
    }
    for record in store.creeps(service):
        if approved.get(record.scenario, -1) < place[record.run_id]:
            yield record


def _raised_thresholds(context: RunContext, store: Store, service: str) -> Iterator[tuple[str, Finding]]:
    """What the dismissals of a service's scenarios have taught, as of its newest run."""
    newest = store.run_ids(service)[0]
    comparisons, known, _ = compare_series(context, store, newest)
    changes = KnownChanges(
        dismissed=[one for one in known if one.state is RegressionState.DISMISSED], names=ids_of_groups(known)
    )
    for (scenario, part), comparison in comparisons.items():
        for finding in raised_thresholds(scenario, part, comparison, changes):
            yield label_of(scenario, part), finding


def backtest(context: RunContext, scenarios: Sequence[str] | None = None) -> list[Alarm]:
    """The alarms that the context's sensitivity would have raised over the stored runs of a service, oldest first.

    Raises:
        BadInputError: there is no run, or it isn't clear of which service.
    """
    with Store.open(context.workspace.results_url) as store:
        service = find_service(context, store)
        series = store.series(service, scenarios=scenarios, whole=True)
        approvals, known = store.approvals.standing(service), store.regressions.all(service)
        control_runs = store.control_runs(service)
    return find_alarms(series, approvals, known, context.settings.sensitivity, control_runs)
