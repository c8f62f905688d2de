"""The command `run`: the whole flow, from opening a run to its alert."""

import click

from loadtasks import steps
from loadtasks.cli import ci_outputs, options
from loadtasks.cli.ci_outputs import CiOutputs
from loadtasks.cli.conclusion import Troubles, conclude, concluding_shown
from loadtasks.cli.live_view import RunProgress
from loadtasks.cli.measuring import MeasuringPhase, open_shown
from loadtasks.interruption import interrupted_by_signals
from loadtasks.report import terminal
from loadtasks.report.repetitions import render_repetitions_due
from loadtasks.steps import RunContext


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
    opened = open_shown(context, console, scenarios, load_factor)
    troubles = Troubles()
    interrupted = not _measured(MeasuringPhase(context, opened, console, troubles))
    with concluding_shown(console, is_interrupted=interrupted):
        raise SystemExit(conclude(context, opened.id, console, troubles, outputs).exit_code)


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
