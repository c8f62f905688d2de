"""What people decide between runs: levels, what becomes of regressions, and how sure one wants to be."""

import getpass
from collections.abc import Sequence

from loadtasks.errors import BadInputError
from loadtasks.results.regression import Regression, RegressionState
from loadtasks.results.store import Store
from loadtasks.verdict.history.backtest import find_alarms
from loadtasks.verdict.history.replay import Alarm
from loadtasks.verdict.history.sensitivity import Sensitivity
from loadtasks.workspace import Workspace


def approve(workspace: Workspace, run_id: str, *, why: str, scenarios: Sequence[str] | None = None) -> list[str]:
    """Make a run's measurements the baseline. Returns the scenarios approved.

    Raises:
        BadInputError: no such run, or nothing in it that can be a baseline.
    """
    with Store.open(workspace.results_url) as store:
        approved = store.approve(run_id, approved_by=getpass.getuser(), why=why, scenarios=scenarios)
    if not approved:
        raise BadInputError(f"run {run_id}: no valid measurement in it, so it can't be a baseline; choose another.")
    return approved


def move_regression(workspace: Workspace, number: int, state: RegressionState, *, who: str, why: str) -> Regression:
    """Move a regression on; an accepted one makes its first night the baseline of its scenario.

    Raises:
        BadInputError: there is none of this id, or the state can't follow the one it has.
    """
    with Store.open(workspace.results_url) as store:
        if state is RegressionState.ACCEPTED:
            regression = store.regressions.find(number)
            regression.check_may_become(state)
            store.approve(regression.first_run, approved_by=who, why=why, scenarios=[regression.scenario])
        return store.regressions.move(number, state, who=who, why=why)


def backtest(workspace: Workspace, sensitivity: Sensitivity, scenarios: Sequence[str] | None = None) -> list[Alarm]:
    """The alarms that would have come under other settings, oldest first."""
    with Store.open(workspace.results_url) as store:
        series = store.series(scenarios=scenarios, whole=True)
        approvals = {name: store.baseline_history(name) for name in {each.scenario for each in series}}
        known = store.regressions.all()
    return find_alarms(series, approvals, known, sensitivity)
