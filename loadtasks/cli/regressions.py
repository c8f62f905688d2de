"""The commands about regressions: `regressions` and `backtest`."""

import click

from loadtasks import steps
from loadtasks.cli import options
from loadtasks.report import listings, terminal
from loadtasks.report.decisions import DECISIONS, DecisionChoice
from loadtasks.results.regression import Regression, grouped
from loadtasks.steps import RunContext


@click.group(invoke_without_command=True)
@click.option("--all", "ended", is_flag=True, help="List those too that people have ended, or that recovered.")
@options.setting("service")
@click.pass_context
def regressions(invocation: click.Context, ended: bool) -> None:
    """List the regressions of a service, or of all, or decide about one.

    Creeps that were reported, and thresholds that dismissals have raised, are listed below.
    """
    if invocation.invoked_subcommand is None:
        _list_regressions(ended)


@options.with_context
def _list_regressions(context: RunContext, ended: bool) -> None:
    known = steps.known_changes(context)
    groups = grouped(known.regressions)
    shown = [members for members in groups if ended or any(map(_is_listed, members))]
    listings.show_regressions([member for members in shown for member in members], known.creeps, known.thresholds)


def _is_listed(regression: Regression) -> bool:
    """Whether people may still decide about a regression."""
    return not regression.state.ended or regression.accepted_automatically_in is not None


def _add_decision(choice: DecisionChoice) -> None:
    @regressions.command(choice.name, help=choice.meaning)
    @click.argument("number", type=options.positive("the id of a regression, a whole number"), metavar="ID")
    @click.option("--why", default="", metavar="TEXT", help="The reason, kept with your name and the time.")
    @options.with_context
    def decide(context: RunContext, number: int, why: str) -> None:
        regression = steps.move_regression(context, number, choice.state, who=steps.current_user(), why=why)
        terminal.say(f"Regression {regression.id} ({regression.label}) is {regression.state}.")


for _choice in DECISIONS:
    _add_decision(_choice)


@click.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO ...]")
@options.setting("runs_per_false_alarm")
@options.setting("min_effect")
@options.setting("service")
@options.with_context
def backtest(context: RunContext, scenarios: tuple[str, ...]) -> None:
    """Replay the stored runs of a service under other settings.

    The alarms that would have been raised are listed. Baselines begin where somebody approved or accepted a run; what
    was dismissed or fixed by hand counts as such.
    """
    listings.show_alarms(steps.backtest(context, scenarios or None))
