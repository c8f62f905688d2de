"""The commands about regressions: `python -m loadtasks regressions` and `backtest`."""

import getpass
from dataclasses import replace

import click

from loadtasks import steps
from loadtasks.report import listings
from loadtasks.results.regression import RegressionState
from loadtasks.results.store import Store
from loadtasks.verdict.history.sensitivity import Sensitivity
from loadtasks.workspace import Workspace


@click.group(invoke_without_command=True)
@click.option("--all", "ended", is_flag=True, help="Those that have ended too.")
@click.pass_context
def regressions(context: click.Context, ended: bool) -> None:
    """List the regressions, or say what becomes of one."""
    if context.invoked_subcommand is None:
        with Store.open(context.obj.results_url) as store:
            listings.show_regressions(store.regressions.all(ended=ended))


def _add_move(name: str, state: RegressionState, told: str) -> None:
    @regressions.command(name, help=told)
    @click.argument("number", type=int, metavar="ID")
    @click.option("--why", default="", help="Why; kept with your name and the time.")
    @click.pass_obj
    def move(workspace: Workspace, number: int, why: str) -> None:
        moved = steps.move_regression(workspace, number, state, who=getpass.getuser(), why=why)
        click.echo(f"Regression {moved.id} ({moved.label}) is {moved.state}.")


for _name, _state, _told in (
    (
        "acknowledge",
        RegressionState.ACKNOWLEDGED,
        "Somebody works on it: its nights don't fail any more, and are told as known.",
    ),
    ("accept", RegressionState.ACCEPTED, "What came is the new level, from the regression's first night on."),
    (
        "fix",
        RegressionState.FIXED,
        "It is mended: its nights until now are no measure of the level; good nights alone show that too.",
    ),
    ("dismiss", RegressionState.DISMISSED, "It was a false alarm: its nights are nights like others."),
):
    _add_move(_name, _state, _told)


@click.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO ...]")
@click.option(
    "--runs-per-false-alarm",
    type=click.FloatRange(min=1),
    help="At most one false alarm in so many nights.  [default: LOADTASKS_FALSE_ALARM_NIGHTS, else 100]",
)
@click.option(
    "--min-effect",
    type=click.FloatRange(min=0, max=1, min_open=True, max_open=True),
    help="The least change that is told, such as 0.03.  [default: LOADTASKS_FLOOR, else 0.03]",
)
@click.pass_obj
def backtest(
    workspace: Workspace, scenarios: tuple[str, ...], runs_per_false_alarm: float | None, min_effect: float | None
) -> None:
    """Replay the stored nights under other settings, and list the alarms that would have come.

    Levels begin where somebody has approved or accepted them; what was dismissed or fixed by hand is replayed.
    """
    sensitivity = Sensitivity.from_environ()
    sensitivity = replace(
        sensitivity,
        runs_per_false_alarm=runs_per_false_alarm or sensitivity.runs_per_false_alarm,
        min_effect=min_effect or sensitivity.min_effect,
    )
    listings.show_alarms(steps.backtest(workspace, sensitivity, scenarios or None))
