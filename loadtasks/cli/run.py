"""The command `run`: the whole flow, from opening a run to its alert."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from loadtasks import steps
from loadtasks.breakage import brief
from loadtasks.cli import ci_outputs, options
from loadtasks.cli.ci_outputs import CiOutputs
from loadtasks.cli.conclusion import Troubles, conclude
from loadtasks.cli.live_view import RunProgress
from loadtasks.errors import ExitCode, LoadTasksError
from loadtasks.interruption import concluding, interrupted_by_signals
from loadtasks.measurement.model import Measurement
from loadtasks.report import terminal
from loadtasks.report.repetitions import render_repetitions_due
from loadtasks.results.run import Run, new_run_id
from loadtasks.steps import NotKeptError, RunContext
from loadtasks.units import duration, plural, rate, share

if TYPE_CHECKING:
    from rich.console import Console

Measure = Callable[..., list[Measurement]]
"""A step that measures one scenario: `steps.measure` or `steps.confirm`."""
_CONCLUDING = "Interrupted: what was measured is judged and reported; another signal ends this at once."


@click.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO ...]")
@options.setting("target")
@options.setting("service")
@options.setting("reference")
@options.setting("scenarios")
@options.setting("expectations")
@options.load_factor
@options.setting("processes")
@options.setting("var")
@ci_outputs.options
@options.with_context
def run(context: RunContext, scenarios: tuple[str, ...], load_factor: float, outputs: CiOutputs) -> None:
    """Measure, judge, compare and report scenarios.

    A SCENARIO is named whole (sessions.filtered) or by its endpoint (sessions). Without any, all are measured. An alert
    is sent if the verdict is not good, also where the target is down or refuses every scenario.
    """
    console = terminal.console()
    with interrupted_by_signals():
        opened = steps.open_run(
            context,
            run_id=new_run_id(),
            trigger="command line",
            scenarios=scenarios or None,
            load_factor=load_factor,
        )
    _show_opened(opened, console)
    for scenario, reason in steps.refusals(context, opened.id).items():
        console.print(f"{scenario}: not measured: {reason}", soft_wrap=True)
    troubles = Troubles()
    interrupted = not _MeasuringPhase(context, opened, console, troubles).complete()
    with concluding(None if interrupted else lambda: console.print(_CONCLUDING)):
        if interrupted:
            console.print(_CONCLUDING)  # not before: whoever reads it may send the next signal
        raise SystemExit(conclude(context, opened.id, console, troubles, outputs))


def _show_opened(opened: Run, console: "Console") -> None:
    version = opened.target_version or "unknown"
    console.print(
        f"Run {opened.id} of {opened.service} against {opened.target_url} (version {version})", soft_wrap=True
    )
    if opened.reference_url is not None:
        console.print(f"paired with {opened.reference_url} (version {opened.reference_version or 'unknown'})")


@dataclass(frozen=True)
class _MeasuringPhase:
    """The part of a run in which load is sent."""

    context: RunContext
    run: Run
    console: "Console"
    troubles: Troubles

    def complete(self) -> bool:
        """Measure everything, and repeat what is due. Returns whether nobody interrupted that."""
        try:
            with interrupted_by_signals():
                self._measure_each(steps.scenarios_to_measure(self.context, self.run.id), steps.measure)
                self.troubles.retry_keeping(self.context)
                due = self.troubles.attempt(lambda: steps.repetitions_due(self.context, self.run.id)) or {}
                due = {name: reason for name, reason in due.items() if name not in self.troubles.rescued}
                for line in render_repetitions_due(due):
                    self.console.print(line)
                self._measure_each(due, steps.confirm)
        except KeyboardInterrupt:
            return False
        return True

    def _measure_each(self, scenarios: Iterable[str], measure: Measure) -> None:
        """Measure scenarios one after the other. One that can't be measured leaves the others alone."""
        planned = list(scenarios)
        if not planned:
            return
        with RunProgress(self.console, len(planned)) as progress:
            for scenario in planned:
                progress.begin(scenario)
                try:
                    progress.end(self._measure(scenario, measure, progress))
                except KeyboardInterrupt:
                    progress.end(f"{scenario}: interrupted; nothing of it is kept")
                    raise

    def _measure(self, scenario: str, measure: Measure, progress: RunProgress) -> str:
        """Measure one scenario. Returns how that ended, on one line."""
        not_done = "not measured" if measure is steps.measure else "not repeated"
        try:
            return _summary(measure(self.context, self.run.id, scenario, progress.reach)[0])
        except NotKeptError as error:
            self.troubles.add(error)
            return f"{scenario}: measured, and kept in {error.folder} for now"
        except LoadTasksError as error:
            is_first = measure is steps.measure  # what was measured first stands where a repetition fails
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
