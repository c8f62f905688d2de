"""Progress of a run: a live view on a terminal, plain lines where there is none."""

import shutil
from math import ceil
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from loadtasks.engine.generator.progress import Progress
from loadtasks.report.sentences.validity import saturation_sentence
from loadtasks.report.terminal import MIN_WIDTH
from loadtasks.report.text import printable
from loadtasks.units import count, duration, plural, rate, span

_MAX_BAR = 30
_MIN_BAR = 8
_GAP = "  "
_MAX_LEFT = len("59 min 59 s left")
"""Width that is reserved for the time left, so that the bar keeps its width while that text gets shorter."""
_MIN_FIELDS = 3
"""Rate, health and errors are shown on every terminal, however narrow."""
_WHOLE_SECONDS_BELOW_S = 10.0
"""A shorter time left is shown in whole seconds: nobody can read the decimals while they change."""


class RunProgress:
    """Shows which scenario runs and its progress. It draws only when the engine reports, so as not to disturb it."""

    def __init__(self, console: Console, scenarios: int, what: str = "") -> None:
        """Prepare to show.

        Args:
            console: where it is shown.
            scenarios: how many there are; shown with the number of each.
            what: stands in place of the numbers, where scenarios have several turns.
        """
        self._console = console
        self._what = what
        self._scenarios = scenarios
        self._number = 0
        self._scenario = ""
        self._live = Live(console=console, auto_refresh=False, transient=True)
        wide_enough = shutil.get_terminal_size().columns >= MIN_WIDTH  # it would break lines, which can't be undrawn
        self._draws = console.is_terminal and not console.is_dumb_terminal and wide_enough

    def __enter__(self) -> Self:
        if self._draws:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def begin(self, scenario: str) -> None:
        """Show that a scenario begins."""
        self._number += 1
        self._scenario = printable(f"{self._mark} {scenario}")
        self._draw(Text.assemble(self._scenario, (f"{_GAP}preparing", "dim")))

    def reach(self, reached: Progress) -> None:
        """Show the progress that the engine reports."""
        if self._draws:
            self._draw(view(self._scenario, reached, self._console.width))

    def end(self, line: str) -> None:
        """Replace the progress of the scenario that has ended by one line."""
        self._draw(Text())
        self._console.print(f"{self._mark} {line}", highlight=False, markup=False)

    @property
    def _mark(self) -> str:
        return self._what or f"{self._number}/{self._scenarios}"

    def _draw(self, text: Text) -> None:
        if self._draws:
            self._live.update(text, refresh=True)


def view(scenario: str, reached: Progress, width: int) -> Text:
    """The progress of a scenario: two lines whose fields keep their columns, a third if the generator is saturated."""
    lines = [_progress_line(scenario, reached, width), _numbers_line(reached, width)]
    if reached.saturation:
        lines.append(Text(f"    {saturation_sentence(reached.saturation[0])}", "yellow"))
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return Text("\n").join(lines)


def _progress_line(scenario: str, reached: Progress, width: int) -> Text:
    """The scenario, a bar, the number of requests that have ended, and the time left."""
    done = f"{count(reached.done):>7}"
    if reached.expected is not None:
        expected = count(reached.expected)
        done = f"{count(reached.done):>{len(expected)}} of {expected}"
    share = reached.share
    percent = "" if share is None else f"{int(share * 100)} %"
    fields = f"{_GAP}{percent:>5}{_GAP}{done}{_GAP}{_left(reached)}"
    bar = min(_MAX_BAR, width - len(scenario) - len(_GAP) - len(fields) - _MAX_LEFT + len(_left(reached)))
    if bar < _MIN_BAR:
        return Text(scenario + fields)
    full = round(bar * (share or 0.0))
    return Text.assemble(scenario, _GAP, ("━" * full, "cyan"), ("─" * (bar - full), "dim"), fields)


def _left(reached: Progress) -> str:
    """The time left, or the time gone where none is known."""
    left_s = reached.left_s
    if left_s is None:
        return f"for {span(reached.elapsed_s)}"
    return f"{ceil(left_s)} s left" if left_s < _WHOLE_SECONDS_BELOW_S else f"{span(left_s)} left"


def _numbers_line(reached: Progress, width: int) -> Text:
    """The rate over the last second; times, generator health, errors and throttled requests of the scenario so far."""
    p50, p95 = (duration(reached.response.quantile_s(q)) for q in (0.5, 0.95))
    fields = [
        Text(f"    {rate(reached.rate_per_s):>8} now"),
        Text(f"so far p50 {p50:>7}"),
        Text(f"p95 {p95:>7}"),
        Text("generator saturated", "bold yellow") if reached.saturation else Text("generator healthy", "green"),
        Text(plural(reached.failed, "error"), "red" if reached.failed else "dim"),
    ]
    if reached.throttled:
        fields.append(Text(f"{count(reached.throttled)} throttled", "yellow"))
    while sum(len(field) + len(_GAP) for field in fields) - len(_GAP) > width and len(fields) > _MIN_FIELDS:
        fields.pop(1)  # the times go first: the report has them
    return Text(_GAP).join(fields)
