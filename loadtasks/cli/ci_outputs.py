"""What a command writes for CI systems besides its own report: `--junit`, `--openmetrics`, `--markdown`, job summary.

@click.command()
@ci_outputs.options
@options.with_context
def run(context: RunContext, outputs: CiOutputs) -> None:
    ...
    outputs.write(document)
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from loadtasks.ci_variables import read_ci_variables
from loadtasks.errors import BadInputError
from loadtasks.plain_text import plain
from loadtasks.report import markdown, terminal
from loadtasks.report.job_summary import append_summary
from loadtasks.results.document import ResultsDocument
from loadtasks.setting_values import MAX_PATH
from loadtasks.whole_file import write_whole


def _junit(document: ResultsDocument) -> bytes:
    from loadtasks.report import junit  # noqa: PLC0415 - few commands write it

    return junit.render(document)


def _openmetrics(document: ResultsDocument) -> bytes:
    from loadtasks.report import openmetrics  # noqa: PLC0415 - few commands write it

    return openmetrics.render(document)


def _markdown(document: ResultsDocument) -> bytes:
    return markdown.render_for_ci(document).encode("utf-8", "replace")


@dataclass(frozen=True)
class _Format:
    """A file that a command can write."""

    option: str
    help: str
    render: Callable[[ResultsDocument], bytes]

    @property
    def name(self) -> str:
        """The name of the command's argument."""
        return self.option.removeprefix("--")


_FORMATS = (
    _Format("--junit", "Also write the verdicts as a JUnit file: a test for each scenario and target.", _junit),
    _Format("--openmetrics", "Also write the numbers in the text format of OpenMetrics.", _openmetrics),
    _Format("--markdown", "Also write a summary in Markdown.", _markdown),
)


@dataclass(frozen=True)
class CiOutputs:
    """The files that a command was asked to write, and the summary of the CI job where there is one."""

    files: tuple[tuple[_Format, Path], ...] = ()
    summary: Path | None = None

    def write(self, document: ResultsDocument) -> None:
        """Write everything that can be written. A job summary that can't be is a sentence on stderr and no more.

        Raises:
            BadInputError: a file can't be written; the sentence names each one.
        """
        problems = []
        for form, path in self.files:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(Path(os.path.realpath(path)), form.render(document))
            except OSError as error:
                problems.append(f"{form.option} {path}: can't be written ({error.strerror or error})")
        if self.summary is not None:
            try:
                append_summary(self.summary, markdown.render_for_ci(document))
            except OSError as error:
                reason = error.strerror or error
                terminal.say(
                    plain(f"GITHUB_STEP_SUMMARY={self.summary}: the job's summary can't be written ({reason})."),
                    error=True,
                )
        if problems:
            raise BadInputError(f"{'; '.join(problems)}; make room, or name files in a folder that can be written.")


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options, and hand a command its `CiOutputs` as `outputs`; the files are checked before it begins.

    Raises:
        BadInputError: a file that can't be written, as far as that can be seen beforehand, or one named twice.
    """

    @wraps(command)
    def call(*arguments: Any, **given: Any) -> Any:
        files = tuple((form, given.pop(form.name)) for form in _FORMATS)
        named = tuple((form, path) for form, path in files if path is not None)
        _check(named, [value for value in given.values() if isinstance(value, Path | str)])
        for _, path in named:  # whoever finds it after a command that failed would take it for this one's
            with suppress(OSError):
                path.unlink(missing_ok=True)
        return command(*arguments, outputs=CiOutputs(named, read_ci_variables().github_step_summary), **given)

    decorated: Callable[..., Any] = call
    for form in reversed(_FORMATS):
        decorated = click.option(form.option, type=click.Path(path_type=Path), metavar="FILE", help=form.help)(
            decorated
        )
    return decorated


def _check(files: tuple[tuple[_Format, Path], ...], inputs: Sequence[Path | str]) -> None:
    """See that files can be written, and are none of those that are read, before anything is sent."""
    known: dict[str, str] = {}
    read = {os.path.realpath(path) for path in inputs if "\0" not in str(path)}
    for form, path in files:
        reason = _problem(path)
        if reason:
            raise BadInputError(f"{form.option} {str(path)[:MAX_PATH]}: {reason}; name another file.")
        if os.path.realpath(path) in read:
            raise BadInputError(f"{form.option} {path}: it is the file that is read; name another file.")
        other = known.setdefault(os.path.realpath(path), form.option)
        if other != form.option:
            raise BadInputError(f"{form.option} {path}: {other} writes this file, too; name another file.")


def _problem(path: Path) -> str:
    """Why a file can't be written; empty where nothing speaks against it."""
    try:
        if path.is_dir():
            return "it is a folder"
        if path.exists() and not path.is_file():
            return "it is no file"
        folder = path.absolute().parent
        while not folder.exists():
            folder = folder.parent
        if not folder.is_dir():
            return f"{folder} is no folder"
        if not os.access(folder, os.W_OK | os.X_OK):
            return f"the folder {folder} can't be written"
    except OSError as error:
        return f"it can't be written ({error.strerror or error})"
    return ""
