"""Progress of a run: a live bar on a terminal, plain lines where there is none."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from loadtasks.engine.progress import Progress as Reached


class RunProgress:
    """Shows which scenario runs and how far it is; drawn only when the engine tells, so that nothing disturbs it."""

    def __init__(self, console: Console, scenarios: int) -> None:
        self._console = console
        self._scenarios = scenarios
        self._number = 0
        self._task: TaskID | None = None
        self._bar = Progress(
            TextColumn("{task.fields[number]}/{task.fields[scenarios]} {task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[reached]}"),
            TimeElapsedColumn(),
            console=console,
            auto_refresh=False,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, scenario: str) -> None:
        """A scenario begins."""
        self._number += 1
        if self._console.is_terminal:
            self._task = self._bar.add_task(
                scenario, total=None, number=self._number, scenarios=self._scenarios, reached=""
            )
            self._bar.refresh()

    def reach(self, reached: Reached) -> None:
        """The engine tells how far it is."""
        if self._task is not None:
            of = "" if reached.expected is None else f" of {reached.expected}"
            self._bar.update(
                self._task, completed=reached.done, total=reached.expected, reached=f"{reached.done}{of} requests"
            )
            self._bar.refresh()

    def end(self, line: str) -> None:
        """The scenario has ended; one line says how."""
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
        self._console.print(f"{self._number}/{self._scenarios} {line}", highlight=False, markup=False)
