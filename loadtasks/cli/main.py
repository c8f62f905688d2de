"""The command line, `loadtasks` or `python -m loadtasks`; docs/command_line.md describes it."""

from typing import Any

import click

from loadtasks import __version__
from loadtasks.cli import options
from loadtasks.cli.inputs import plan, targets
from loadtasks.cli.past_runs import baseline, compare, history, judge, report
from loadtasks.cli.regressions import backtest, regressions
from loadtasks.cli.removal import remove
from loadtasks.cli.run import run
from loadtasks.errors import LoadTasksError


class _Group(click.Group):
    """Lists its commands in the order of the flow, and ends with one sentence on stderr where an error is ours."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LoadTasksError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
@options.setting("var")
def cli() -> None:
    """Exercise an API, judge what was measured, and report it.

    Exit codes: 0 good; 1 a target was missed or a scenario regressed; 2 some input is wrong; 3 a measurement can't be
    trusted or could not be made.
    """


for _command in (run, report, judge, compare, history, remove, baseline, regressions, backtest, plan, targets):
    cli.add_command(_command)


def main() -> None:
    """Run the command line."""
    cli()
