"""Progress of a run: a live view on a terminal, plain lines where there is none."""

from math import ceil
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from loadtasks.engine.generator.progress import Progress
from loadtasks.report.sentences.validity import saturation_sentence
from loadtasks.units import count, duration, plural, rate, span

_WIDEST_BAR = 30
_NARROWEST_BAR = 8
_GAP = "  "
_LONGEST_LEFT = len("59 min 59 s left")
"""Room that is kept for the time left, so that the bar keeps its width while that gets shorter."""
_TOLD_LAST = 3
"""Rate, health and errors stay where a terminal is too narrow for all."""
_SECONDS = 10.0
"""A time left that is shorter than this is told in whole seconds: nobody reads the digits behind them as they run."""


class RunProgress:
    """Shows which scenario runs and how it goes; drawn only when the engine tells, so that nothing disturbs it."""

    def __init__(self, console: Console, scenarios: int) -> None:
        self._console = console
        self._scenarios = scenarios
        self._number = 0
        self._scenario = ""
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._draws = console.is_terminal and not console.is_dumb_terminal

    def __enter__(self) -> Self:
        if self._draws:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def begin(self, scenario: str) -> None:
        """A scenario begins."""
        self._number += 1
        self._scenario = f"{self._number}/{self._scenarios} {scenario}"
        self._draw(Text.assemble(self._scenario, (f"{_GAP}preparing", "dim")))

    def reach(self, reached: Progress) -> None:
        """The engine tells how far it is."""
        if self._draws:
            self._draw(view(self._scenario, reached, self._console.width))

    def end(self, line: str) -> None:
        """The scenario has ended; one line says how."""
        self._draw(Text())
        self._console.print(f"{self._number}/{self._scenarios} {line}", highlight=False, markup=False)

    def _draw(self, text: Text) -> None:
        if self._draws:
            self._live.update(text, refresh=True)


def view(scenario: str, reached: Progress, width: int) -> Text:
    """How far a scenario is, in two lines of fields that keep their places; a third if the generator is saturated."""
    lines = [_far(scenario, reached, width), _going(reached, width)]
    if reached.saturation:
        lines.append(Text(f"    {saturation_sentence(reached.saturation[0])}", "yellow"))
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return Text("\n").join(lines)


def _far(scenario: str, reached: Progress, width: int) -> Text:
    """What runs, a bar, how many are done, and the time left."""
    done = f"{count(reached.done):>7}"
    if reached.expected is not None:
        expected = count(reached.expected)
        done = f"{count(reached.done):>{len(expected)}} of {expected}"
    share = reached.share
    percent = "" if share is None else f"{int(share * 100)} %"
    far = f"{_GAP}{percent:>5}{_GAP}{done}{_GAP}{_left(reached)}"
    bar = min(_WIDEST_BAR, width - len(scenario) - len(_GAP) - len(far) - _LONGEST_LEFT + len(_left(reached)))
    if bar < _NARROWEST_BAR:
        return Text(scenario + far)
    over = round(bar * (share or 0.0))
    return Text.assemble(scenario, _GAP, ("━" * over, "cyan"), ("─" * (bar - over), "dim"), far)


def _left(reached: Progress) -> str:
    left_s = reached.left_s
    if left_s is None:
        return f"for {span(reached.elapsed_s)}"
    return f"{ceil(left_s)} s left" if left_s < _SECONDS else f"{span(left_s)} left"


def _going(reached: Progress, width: int) -> Text:
    """Rate over the last second; of the whole load so far its times, whether the generator is healthy, and errors."""
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
    while sum(len(field) + len(_GAP) for field in fields) - len(_GAP) > width and len(fields) > _TOLD_LAST:
        fields.pop(1)  # times first: the report has them
    return Text(_GAP).join(fields)
