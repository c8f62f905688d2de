"""The end of a run on the command line: judged, compared, reported, mailed and shown, as far as that can be done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from loadtasks import steps
from loadtasks.cli.ci_outputs import CiOutputs
from loadtasks.errors import ExitCode, LoadTasksError
from loadtasks.interruption import concluding
from loadtasks.report import terminal
from loadtasks.results.document import ResultsDocument
from loadtasks.steps import NotKeptError, NotSentError, RunContext

if TYPE_CHECKING:
    from rich.console import Console

_T = TypeVar("_T")
_CONCLUDING = "Interrupted: what was measured is judged and reported; another signal ends this at once."


class Troubles:
    """Errors that did not keep a run from going on: it ends with the gravest, once everything else is done."""

    def __init__(self) -> None:
        self._errors: list[Exception] = []

    def add(self, error: Exception) -> None:
        """Remember an error until the end of the run."""
        self._errors.append(error)

    def retry_keeping(self, context: RunContext) -> None:
        """Keep what the results database could not take before, where it can now."""
        for error in [error for error in self._errors if isinstance(error, NotKeptError)]:
            if error.folder.is_dir():
                try:
                    steps.keep(context, error.folder)
                except LoadTasksError:
                    continue  # the error says how it can be done later
            self._errors.remove(error)

    @property
    def rescued(self) -> set[str]:
        """The scenarios that are in files for want of a results database that takes them."""
        return {error.scenario for error in self._errors if isinstance(error, NotKeptError)}

    def attempt(self, step: Callable[[], _T]) -> _T | None:
        """Take a step without which the run can still be concluded. Gives its result; None where it failed."""
        try:
            return step()
        except Exception as error:
            self.add(error)
            return None

    def raise_gravest(self) -> None:
        """Raise what nobody foresaw, else the first error, if there is any."""
        if self._errors:
            raise max(self._errors, key=_gravity)


@contextmanager
def concluding_shown(console: "Console", *, is_interrupted: bool) -> Iterator[None]:
    """Let a run be concluded within the block in spite of a signal; the first one, also one before, is said."""

    def show() -> None:
        console.print(_CONCLUDING)

    with concluding(None if is_interrupted else show):
        if is_interrupted:
            show()  # not before: whoever reads it may send the next signal
        yield


def conclude(
    context: RunContext, run_id: str, console: "Console", troubles: Troubles, outputs: CiOutputs
) -> ResultsDocument:
    """Judge and compare a run, report it, send its alert, prune old runs, and show it. Returns it whole.

    `outputs` are what CI systems take of it.

    Raises:
        Exception: the gravest of the troubles, after everything that could be done in spite of it.
    """
    troubles.retry_keeping(context)
    try:
        steps.judge(context, run_id)
        steps.compare(context, run_id)
    except Exception as error:
        error.add_note(f"What was measured is kept in run {run_id}: `python -m loadtasks judge {run_id}` judges it.")
        troubles.add(error)
        troubles.raise_gravest()
    report = troubles.attempt(lambda: steps.write_report(context, run_id))
    mail = troubles.attempt(lambda: _alert(context, run_id)) if context.alerts else None
    troubles.attempt(lambda: steps.prune_after(context, run_id))
    if context.alerts:
        troubles.attempt(lambda: steps.send_heartbeat(context.settings))
    document = steps.document(context, run_id)
    terminal.show(document, report=report and report / "index.html", to=console)
    troubles.attempt(lambda: outputs.write(document))
    if mail:
        console.print(f"Alert: {mail}", soft_wrap=True)
    troubles.raise_gravest()
    return document


def _alert(context: RunContext, run_id: str) -> str | None:
    """Tell people what is new. Returns what became of that; a mail that could not be sent changes no exit code."""
    try:
        return steps.alert(context, run_id)
    except NotSentError as error:
        return str(error)


def _gravity(error: Exception) -> int:
    if not isinstance(error, LoadTasksError):
        return ExitCode.BROKEN
    return error.exit_code
