"""Measuring scenarios one after the other on the command line: progress, a line for each, and what goes wrong."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from loadtasks import steps
from loadtasks.breakage import brief
from loadtasks.cli.conclusion import Troubles
from loadtasks.cli.live_view import RunProgress
from loadtasks.engine.generator.progress import OnProgress
from loadtasks.errors import ExitCode, LoadTasksError
from loadtasks.interruption import interrupted_by_signals
from loadtasks.measurement.model import Measurement
from loadtasks.results.run import Run, new_run_id
from loadtasks.steps import NotKeptError, RunContext, Turn
from loadtasks.units import duration, plural, rate, share

if TYPE_CHECKING:
    from rich.console import Console


def open_shown(context: RunContext, console: "Console", scenarios: Sequence[str], load_factor: float) -> Run:
    """Open a run of these scenarios, of all where none is named. Shows which it is, and what is not measured."""
    with interrupted_by_signals():
        opened = steps.open_run(
            context,
            run_id=new_run_id(),
            trigger="command line",
            scenarios=scenarios or None,
            load_factor=load_factor,
        )
    version = opened.target_version or "unknown"
    console.print(
        f"Run {opened.id} of {opened.service} against {opened.target_url} (version {version})", soft_wrap=True
    )
    if opened.reference_url is not None:
        console.print(f"paired with {opened.reference_url} (version {opened.reference_version or 'unknown'})")
    for scenario, reason in steps.refusals(context, opened.id).items():
        console.print(f"{scenario}: not measured: {reason}", soft_wrap=True)
    return opened


@dataclass(frozen=True)
class MeasuringPhase:
    """The part of a run in which load is sent."""

    context: RunContext
    run: Run
    console: "Console"
    troubles: Troubles

    def measure(self, scenario: str, progress: RunProgress, turn: Turn | None = None) -> None:
        """Measure a scenario, or drive its next turn. Where that can't be done the others go on."""
        self._show(scenario, progress, partial(steps.measure, turn=turn), is_first=turn is None or not turn.is_begun)

    def confirm(self, scenario: str, progress: RunProgress) -> None:
        """Repeat a scenario. Where that can't be done, what was measured before stands."""
        self._show(scenario, progress, steps.confirm, is_first=False)

    def _show(
        self, scenario: str, progress: RunProgress, measure: Callable[..., list[Measurement]], *, is_first: bool
    ) -> None:
        progress.begin(scenario)
        try:
            progress.end(self._measured(scenario, measure, progress.reach, is_first=is_first))
        except KeyboardInterrupt:
            lost = "nothing of it is kept" if is_first else "what was measured before stands"
            progress.end(f"{scenario}: interrupted; {lost}")
            raise

    def _measured(
        self, scenario: str, measure: Callable[..., list[Measurement]], reach: OnProgress, *, is_first: bool
    ) -> str:
        """Measure one scenario. Returns how that ended, on one line."""
        not_done = "not measured" if is_first else "not repeated"
        try:
            return _summary(measure(self.context, self.run.id, scenario, reach)[0])
        except NotKeptError as error:
            self.troubles.add(error)
            return f"{scenario}: measured, and kept in {error.folder} for now"
        except LoadTasksError as error:
            # What was measured first stands where a repetition fails.
            if error.exit_code is ExitCode.BROKEN or (error.exit_code is ExitCode.BAD_INPUT and is_first):
                self.troubles.add(error)
            return f"{scenario}: {not_done}: {error}"
        except Exception as error:
            self.troubles.add(error)
            return f"{scenario}: {not_done}: the pipeline itself broke ({brief(error)})"


def _summary(measurement: Measurement) -> str:
    requests = plural(measurement.counts.scheduled, "request")
    times = f"p50 {duration(measurement.p50_s)}, p95 {duration(measurement.p95_s)}"
    throughput = rate(measurement.throughput_per_s)
    return f"{measurement.scenario}: {requests}, {share(measurement.success_rate)} good, {times}, {throughput}"
