"""The command `run`: the whole flow, from opening a run to its alert."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

from loadtasks import steps
from loadtasks.cli import options
from loadtasks.cli.live_view import RunProgress
from loadtasks.errors import ExitCode, LoadTasksError
from loadtasks.measurement.model import Measurement
from loadtasks.report import terminal
from loadtasks.report.repetitions import render_repetitions_due
from loadtasks.results.run import Run, new_run_id
from loadtasks.steps import RunContext
from loadtasks.units import duration, plural, rate, share

if TYPE_CHECKING:
    from rich.console import Console

Measure = Callable[..., list[Measurement]]
"""A step that measures one scenario: `steps.measure` or `steps.confirm`."""


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
@options.with_context
def run(context: RunContext, scenarios: tuple[str, ...], load_factor: float) -> None:
    """Measure, judge, compare and report scenarios.

    A SCENARIO is named whole (sessions.filtered) or by its endpoint (sessions). Without any, all are measured. An alert
    is sent if the verdict is not good, also where the target is down or refuses every scenario.
    """
    console = terminal.console()
    opened = steps.open_run(
        context,
        run_id=new_run_id(),
        trigger="command line",
        scenarios=scenarios or None,
        load_factor=load_factor,
    )
    _show_opened(opened, console)
    for scenario, reason in steps.refusals(context, opened.id).items():
        console.print(f"{scenario}: not measured: {reason}", soft_wrap=True, highlight=False, markup=False)
    _measure_each(context, opened, steps.scenarios_to_measure(context, opened.id), steps.measure, console)
    due = steps.repetitions_due(context, opened.id)
    for line in render_repetitions_due(due):
        console.print(line, highlight=False, markup=False)
    _measure_each(context, opened, due, steps.confirm, console)
    steps.judge(context, opened.id)
    steps.compare(context, opened.id)
    report = steps.write_report(context, opened.id)
    mail = steps.alert(context, opened.id)
    document = steps.document(context, opened.id)
    terminal.show(document, report=report / "index.html", to=console)
    if mail:
        console.print(f"Alert: {mail}", soft_wrap=True)
    raise SystemExit(document.exit_code)


def _show_opened(opened: Run, console: "Console") -> None:
    version = opened.target_version or "unknown"
    console.print(
        f"Run {opened.id} of {opened.service} against {opened.target_url} (version {version})", soft_wrap=True
    )
    if opened.reference_url is not None:
        console.print(f"paired with {opened.reference_url} (version {opened.reference_version or 'unknown'})")


def _measure_each(
    context: RunContext, opened: Run, scenarios: Iterable[str], measure: Measure, console: "Console"
) -> None:
    """Measure scenarios one after the other and show their progress. An interrupt ends that; the run goes on."""
    planned = list(scenarios)
    if not planned:
        return
    with RunProgress(console, len(planned)) as progress:
        for scenario in planned:
            progress.begin(scenario)
            try:
                measurements = measure(context, opened.id, scenario, progress.reach)
            except LoadTasksError as error:
                if error.exit_code is ExitCode.BAD_INPUT and measure is steps.measure:
                    raise  # what was measured first stands where a repetition fails
                progress.end(f"{scenario}: {'not measured' if measure is steps.measure else 'not repeated'}: {error}")
            except KeyboardInterrupt:
                progress.end(f"{scenario}: interrupted; what was measured before is kept")
                return
            else:
                progress.end(_summary(measurements[0]))


def _summary(measurement: Measurement) -> str:
    requests = plural(measurement.counts.scheduled, "request")
    times = f"p50 {duration(measurement.p50_s)}, p95 {duration(measurement.p95_s)}"
    throughput = rate(measurement.throughput_per_s)
    return f"{measurement.scenario}: {requests}, {share(measurement.success_rate)} good, {times}, {throughput}"
