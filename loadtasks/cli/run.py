"""The command `run`: the whole flow, from opening a run to its alert."""

from typing import TYPE_CHECKING

import click

from loadtasks import steps
from loadtasks.cli import ci_outputs, options
from loadtasks.cli.ci_outputs import CiOutputs
from loadtasks.cli.conclusion import Troubles, conclude
from loadtasks.cli.live_view import RunProgress
from loadtasks.cli.measuring import MeasuringPhase
from loadtasks.interruption import concluding, interrupted_by_signals
from loadtasks.report import terminal
from loadtasks.report.repetitions import render_repetitions_due
from loadtasks.results.run import Run, new_run_id
from loadtasks.steps import RunContext

if TYPE_CHECKING:
    from rich.console import Console

CONCLUDING = "Interrupted: what was measured is judged and reported; another signal ends this at once."


@click.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO ...]")
@options.setting("target")
@options.setting("service")
@options.setting("reference")
@options.setting("health_path")
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
    show_opened(opened, console)
    for scenario, reason in steps.refusals(context, opened.id).items():
        console.print(f"{scenario}: not measured: {reason}", soft_wrap=True)
    troubles = Troubles()
    interrupted = not _measured(MeasuringPhase(context, opened, console, troubles))
    with concluding(None if interrupted else lambda: console.print(CONCLUDING)):
        if interrupted:
            console.print(CONCLUDING)  # not before: whoever reads it may send the next signal
        raise SystemExit(conclude(context, opened.id, console, troubles, outputs).exit_code)


def show_opened(opened: Run, console: "Console") -> None:
    """Say which run was opened, and against what."""
    version = opened.target_version or "unknown"
    console.print(
        f"Run {opened.id} of {opened.service} against {opened.target_url} (version {version})", soft_wrap=True
    )
    if opened.reference_url is not None:
        console.print(f"paired with {opened.reference_url} (version {opened.reference_version or 'unknown'})")


def _measured(phase: MeasuringPhase) -> bool:
    """Measure everything, and repeat what is due. Returns whether nobody interrupted that."""
    context, run = phase.context, phase.run
    try:
        with interrupted_by_signals():
            planned = steps.scenarios_to_measure(context, run.id)
            if planned:
                with RunProgress(phase.console, len(planned)) as progress:
                    for scenario in planned:
                        phase.measure(scenario, progress)
            phase.troubles.retry_keeping(context)
            due = phase.troubles.attempt(lambda: steps.repetitions_due(context, run.id)) or {}
            due = {name: reason for name, reason in due.items() if name not in phase.troubles.rescued}
            for line in render_repetitions_due(due):
                phase.console.print(line)
            if due:
                with RunProgress(phase.console, len(due)) as progress:
                    for scenario in due:
                        phase.confirm(scenario, progress)
    except KeyboardInterrupt:
        return False
    return True
