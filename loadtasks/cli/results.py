"""The commands about the results database as a whole: `results export` and `results import`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from loadtasks import steps, units
from loadtasks.cli import options
from loadtasks.report import terminal
from loadtasks.steps import MergedResults, RunContext, Selection
from loadtasks.units import plural

_PATH = click.Path(path_type=Path)
_MB = 1_000_000


@click.group()
def results() -> None:
    """Take the results database from one machine to another: export it to a file, import files."""


@results.command("export")
@click.argument("file", type=_PATH)
@click.option("--service", metavar="NAME", help="Only the results of this service.  [default: all]")
@click.option(
    "--newest",
    type=options.positive("a number of runs"),
    metavar="NUMBER",
    help="Only the newest runs of each service, and those that later verdicts need.",
)
@click.option(
    "--newer-than",
    type=options.Age(),
    metavar="AGE",
    help="Only runs that started since then (180d, 26w), and those that later verdicts need.",
)
@click.option("--pruned", is_flag=True, help="Without what `prune` removes; the database itself stays whole.")
@options.with_context
def export_to(context: RunContext, file: Path, newer_than: timedelta | None, **selected: Any) -> None:
    """Write the results database to FILE, for `results import` on another machine.

    FILE is an SQLite results database, compressed where its name ends with .gz. An earlier export is replaced.
    """
    since = datetime.now(UTC) - newer_than if newer_than is not None else None
    written = steps.export_results(context, file, Selection(since=since, **selected))
    left_out = f" ({plural(written.left_out, 'older run')} left out)" if written.left_out else ""
    terminal.say(
        f"Exported {plural(written.runs, 'run')}{left_out}, {plural(written.regressions, 'regression')} and "
        f"{plural(written.messages, 'message')} to {file}: {_size(written.bytes)}."
    )


@results.command("import")
@click.argument("files", type=_PATH, metavar="FILE ...", nargs=-1, required=True)
@click.option("--service", metavar="NAME", help="Only the results of this service.  [default: all]")
@click.option("--if-exists", is_flag=True, help="Go on without a file that there is not, as before the first export.")
@options.with_context
def import_from(context: RunContext, files: tuple[Path, ...], service: str | None, if_exists: bool) -> None:
    """Merge the results of each FILE into the results database.

    FILE is an export, or a results.db of this or an older version. What is known already is kept once. Either all files
    are merged, or none.
    """
    imported = steps.import_results(context, files, service=service, if_exists=if_exists)
    present = {path for path, _ in imported.files}
    for path in dict.fromkeys(files):
        if path not in present:
            terminal.say(f"{path}: there is no such file, so nothing is imported from it.")
    for path, merged in imported.files:
        terminal.say(f"{path}: {_sentence(merged)}")
    terminal.say(
        f"The results database holds {plural(imported.runs, 'run')} of {plural(imported.services, 'service')} now."
    )


def _size(count: int) -> str:
    return f"{units.count(count / 1e6)} MB" if count >= _MB else f"{units.count(count / 1e3)} kB"


def _sentence(merged: MergedResults) -> str:
    """What a file added."""
    if merged.is_nothing:
        left_out = f", {_were(merged.left_out)} deleted here" if merged.left_out else ""
        return f"nothing new in {plural(merged.runs, 'run')}{left_out}."
    parts = [f"{merged.new} of {plural(merged.runs, 'run')} {'is' if merged.new == 1 else 'are'} new"]
    if merged.replaced:
        parts.append(f"{plural(merged.replaced, 'run')} newer than here")
    if merged.left_out:
        parts.append(f"{_were(merged.left_out)} deleted here and left out")
    if merged.removed:
        parts.append(f"{_were(len(merged.removed))} deleted there and so here")
    new = {"regression": merged.regressions, "approval": merged.approvals, "message": merged.messages}
    parts += [f"{plural(number, f'new {noun}')}" for noun, number in new.items() if number]
    if merged.moved:
        parts.append(f"{plural(merged.moved, 'regression')} with new decisions")
    return f"{', '.join(parts)}."


def _were(number: int) -> str:
    return f"{plural(number, 'run')} {'was' if number == 1 else 'were'}"
