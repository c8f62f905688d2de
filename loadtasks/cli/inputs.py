"""The commands about a run's input: `plan` and `targets`. They send nothing."""

import click

from loadtasks import steps
from loadtasks.cli import options
from loadtasks.engine.profiles.plan import plans
from loadtasks.report import listings
from loadtasks.report.sentences.targets import render_target
from loadtasks.steps import RunContext


@click.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO ...]")
@options.setting("scenarios")
@options.load_factor
@options.with_context
def plan(context: RunContext, scenarios: tuple[str, ...], load_factor: float) -> None:
    """Show what scenarios would send, and when."""
    for scenario in steps.planned_scenarios(context, scenarios or None, load_factor):
        for planned in plans(scenario):
            listings.show_plan(planned)


@click.command()
@options.setting("scenarios")
@options.setting("expectations")
@options.with_context
def targets(context: RunContext) -> None:
    """Check the suites as a run does, and list the targets and the files they are in."""
    listings.show_targets(
        (
            suite.name,
            expectation.column,
            render_target(expectation.column, expectation.bounds) or expectation.type,
            str(suite.path),
        )
        for suite in steps.read_checked_suites(context.workspace)
        for expectation in suite.expectations
    )
