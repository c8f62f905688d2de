"""What people decide between runs: baselines, regressions, how sensitive the detector should be."""

import getpass
import os
from collections.abc import Sequence

from loadtasks.errors import BadInputError
from loadtasks.results.judgement import Verdict
from loadtasks.results.regression import Regression, RegressionState
from loadtasks.results.store import Store
from loadtasks.steps.past_runs import find_service
from loadtasks.steps.run_context import RunContext
from loadtasks.verdict.history.backtest import find_alarms
from loadtasks.verdict.history.replay import Alarm


def approve(context: RunContext, run_id: str, *, why: str, scenarios: Sequence[str] | None = None) -> list[str]:
    """Make a run the baseline run of its scenarios, or of those named. Returns the scenarios approved.

    Raises:
        BadInputError: no such run, or no measurement in it that can be a baseline.
    """
    with Store.open(context.workspace.results_url) as store:
        approved = store.approve(run_id, approved_by=current_user(), why=why, scenarios=scenarios)
    if not approved:
        raise BadInputError(f"run {run_id}: no valid measurement in it, so it can't be a baseline; choose another.")
    return approved


def current_user() -> str:
    """Who decides: the name of the user of this process, or the number of one without a name, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the latter from Python 3.13 on
        return str(os.getuid())


def move_regression(context: RunContext, number: int, state: RegressionState, *, who: str, why: str) -> Regression:
    """Move a regression to another state. Accepting one makes the first run of the shift the baseline run.

    Regressions that people know by one id, since most scenarios shifted at once, are moved together. Returns the one of
    the id.

    Raises:
        BadInputError: there is no regression of this id, or its state can't change to this one.
    """
    with Store.open(context.workspace.results_url) as store:
        members = store.regressions.group_of(number)
        unended = [member for member in members if not member.state.ended]
        for member in unended or members[:1]:
            member.check_may_become(state)
            if state is RegressionState.ACCEPTED:
                _check_first_run(store, member)
        if state is RegressionState.ACCEPTED:
            _accept(store, unended, who, why)
        moved = [store.regressions.move(member.id, state, who=who, why=why) for member in unended]
        return next((member for member in moved if member.id == number), moved[0])


def _accept(store: Store, regressions: Sequence[Regression], who: str, why: str) -> None:
    """Make the first run of each regression the baseline run of its scenario.

    A regression that most scenarios share is accepted for all of them: those that show it, and have too little evidence
    for a regression yet, would else be found one by one. Only a scenario with another open regression is left out.
    """
    for regression in regressions:
        store.approve(regression.first_run, approved_by=who, why=why, scenarios=[regression.scenario])
    first = next((one for one in regressions if one.shared_since is not None), None)
    if first is None or first.shared_since is None or not store.has_run(first.shared_since):
        return
    run = store.run(first.shared_since)
    apart = {one.scenario for one in store.regressions.all(run.service, ended=False)} | set(run.controls.scenarios)
    left = [name for name in run.scenarios if name not in apart]
    valid = {verdict.scenario for verdict in store.verdicts(run.id) if verdict.verdict is not Verdict.INVALID}
    if others := [name for name in left if name in valid]:
        store.approve(run.id, approved_by=who, why=why, scenarios=others)


def _check_first_run(store: Store, regression: Regression) -> None:
    if not store.has_run(regression.first_run):
        raise BadInputError(
            f"regression {regression.id} ({regression.label}) began in run {regression.first_run}, which was deleted: "
            "no baseline can begin with it; approve another run (`python -m loadtasks baseline approve RUN "
            f"{regression.scenario}`), then `python -m loadtasks regressions dismiss {regression.id}`."
        )


def backtest(context: RunContext, scenarios: Sequence[str] | None = None) -> list[Alarm]:
    """The alarms that the context's sensitivity would have raised over the stored runs of a service, oldest first.

    Raises:
        BadInputError: there is no run, or it isn't clear of which service.
    """
    with Store.open(context.workspace.results_url) as store:
        service = find_service(context, store)
        series = store.series(service, scenarios=scenarios, whole=True)
        approvals, known = store.approvals(service), store.regressions.all(service)
        control_runs = store.control_runs(service)
    return find_alarms(series, approvals, known, context.settings.sensitivity, control_runs)
