"""What people decide between runs: baselines, regressions, how sensitive the detector should be."""

import getpass
import os
from collections.abc import Sequence

from loadtasks.errors import BadInputError
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

    Raises:
        BadInputError: there is no regression of this id, or its state can't change to this one.
    """
    with Store.open(context.workspace.results_url) as store:
        if state is RegressionState.ACCEPTED:
            regression = store.regressions.find(number)
            regression.check_may_become(state)
            _check_first_run(store, regression)
            store.approve(regression.first_run, approved_by=who, why=why, scenarios=[regression.scenario])
        return store.regressions.move(number, state, who=who, why=why)


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
    return find_alarms(series, approvals, known, context.settings.sensitivity)
