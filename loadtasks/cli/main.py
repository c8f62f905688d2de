"""The command line, `loadtasks` or `python -m loadtasks`; docs/command_line.md describes it."""

import errno
from collections.abc import Sequence
from typing import Any

import click

from loadtasks import __version__
from loadtasks.breakage import report_breakage
from loadtasks.cli import options
from loadtasks.cli.ci import ci
from loadtasks.cli.compare_builds import compare_builds
from loadtasks.cli.inputs import plan, targets
from loadtasks.cli.messages import messages
from loadtasks.cli.past_runs import baseline, compare, history, judge, keep, report
from loadtasks.cli.regressions import backtest, regressions
from loadtasks.cli.results import results
from loadtasks.cli.run import run
from loadtasks.cli.stored_runs import prune, runs
from loadtasks.errors import BadInputError, ExitCode, LoadTasksError
from loadtasks.plain_text import is_text
from loadtasks.report import terminal
from loadtasks.settings import MAX_SHOWN, read_settings


class _Group(click.Group):
    """Lists its commands in the order of the flow, and ends with one sentence on stderr where something goes wrong."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            _check_arguments([*ctx._protected_args, *ctx.args])
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except KeyboardInterrupt:
            terminal.say("Interrupted.", error=True)
            ctx.exit(ExitCode.INTERRUPTED)
        except Exception as error:
            ctx.exit(_report_error(error, ctx.ensure_object(dict)))


def _check_arguments(arguments: Sequence[str]) -> None:
    """See that arguments are text, as everything is that they are compared with and written to.

    Raises:
        BadInputError: one is not.
    """
    for argument in arguments:
        if "\0" in argument or not is_text(argument):
            raise BadInputError(f"the argument {argument[:MAX_SHOWN]!r} is not UTF-8 text; write it as one.")


def _report_error(error: Exception, given: dict[str, str]) -> ExitCode:
    """Say on stderr what went wrong, and return the exit code. `given` holds the settings that options gave."""
    known = error if isinstance(error, LoadTasksError) else _of_files(error)
    if known is not None and known.exit_code is not ExitCode.BROKEN:
        notes = "".join(f" {note}" for note in getattr(error, "__notes__", ()))
        for line in f"Error: {known}{notes}".split("\n"):  # the end of a build's log has lines of its own
            terminal.say(line, error=True)
        return known.exit_code
    try:
        settings = read_settings(**given)
    except LoadTasksError:
        return report_breakage(error)
    return report_breakage(error, settings.var, settings.secrets)


def _of_files(error: BaseException) -> BadInputError | None:
    """What to say where an error came of a disk without space or of a name that none can have; None where it didn't.

    Whichever library met it: any that reads or writes a file may.
    """
    reason: BaseException | None = error
    while reason is not None:
        if isinstance(reason, OSError) and reason.errno == errno.ENAMETOOLONG:
            return BadInputError(
                f"{str(reason.filename)[:MAX_SHOWN]}: no file can have a name as long as this; give a shorter one."
            )
        if isinstance(reason, OSError) and reason.errno in (errno.ENOSPC, errno.EDQUOT):
            return BadInputError(
                f"{reason.filename or 'a file'} can't be written ({reason.strerror}): make room, or name a folder on "
                "another disk with --out or LOADTASKS_VAR."
            )
        reason = reason.__cause__ or reason.__context__
    return None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
@options.setting("var")
def cli() -> None:
    """Exercise an API, judge what was measured, and report it.

    Exit codes: 0 good; 1 a target was missed or a scenario regressed; 2 some input is wrong; 3 a measurement can't be
    trusted or could not be made; 4 the pipeline itself broke.
    """


for _command in (
    run,
    report,
    judge,
    keep,
    compare,
    compare_builds,
    history,
    runs,
    prune,
    results,
    baseline,
    regressions,
    backtest,
    messages,
    plan,
    targets,
    ci,
):
    cli.add_command(_command)
