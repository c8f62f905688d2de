"""The command `compare-builds`: two builds started, compared round by round within a budget of time, and stopped."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

import click

from loadtasks import steps
from loadtasks.builds.build import BUILD_NAMES, PORT_MARK, Build, BuildName, HowToStart
from loadtasks.builds.cores import SHARED, chosen_cores
from loadtasks.builds.startup import BuildFailedError, StartedBuilds
from loadtasks.builds.variables import chosen_variables
from loadtasks.cli import ci_outputs, options
from loadtasks.cli.ci_outputs import CiOutputs
from loadtasks.cli.conclusion import Troubles, conclude, concluding_shown
from loadtasks.cli.live_view import RunProgress
from loadtasks.cli.measuring import MeasuringPhase, open_shown
from loadtasks.cli.options import Command
from loadtasks.errors import BadInputError
from loadtasks.interruption import interrupted_by_signals
from loadtasks.report import terminal
from loadtasks.settings import Settings
from loadtasks.steps import BuildPair, RunContext, TimeBudget, Turn
from loadtasks.units import span

_DAY_S = 86_400
_MAX_PORT = 65_535
_MAX_STARTS = 20
_KEYS = ("command", "image", "dir", "env")
"""What the options of each build describe."""


def _of_build(name: BuildName) -> Callable[[Command], Command]:
    """The options that describe one of the builds."""

    def add(command: Command) -> Command:
        for option in (
            click.option(
                f"--{name}-env", multiple=True, metavar="NAME[=VALUE]", help=f"A variable of the {name} alone."
            ),
            click.option(f"--{name}-dir", metavar="FOLDER", help=f"Where the command of the {name} runs."),
            click.option(f"--{name}-image", metavar="IMAGE", help=f"Docker image of the {name}, instead of a command."),
            click.option(
                f"--{name}-command",
                metavar="COMMAND",
                help=f"Shell command that starts the {name}; PORT in its environment, and {{port}}, are its port.",
            ),
        ):
            command = option(command)
        return command

    return add


@click.command("compare-builds")
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO ...]")
@_of_build("candidate")
@_of_build("reference")
@click.option("--env", "both_env", multiple=True, metavar="NAME[=VALUE]", help="A variable of both builds.")
@options.setting("health_path")
@click.option(
    "--cores",
    default=SHARED,
    show_default=True,
    metavar="CORES",
    help="Where both builds run: shared (one core of several), any, or numbers as in 2,4-5.",
)
@click.option(
    "--container-port",
    type=options.bounded("the image's port", 1, _MAX_PORT),
    metavar="NUMBER",
    help="Where the images listen.  [default: their only exposed port]",
)
@click.option("--docker-options", default="", metavar="OPTIONS", help="More options of docker create, for both images.")
@click.option(
    "--start-timeout",
    type=options.bounded("seconds", 1, _DAY_S),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long both may take until they are healthy.",
)
@click.option(
    "--time-budget",
    type=options.bounded("seconds", 1, _DAY_S),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="How long starting and load take together; scenarios that are undecided get what is left.",
)
@click.option(
    "--starts",
    type=options.bounded("starts", 1, _MAX_STARTS),
    default=3,
    show_default=True,
    metavar="NUMBER",
    help="How often both are started, at most: a change has to show in the rounds of each start.",
)
@options.setting("service")
@options.setting("scenarios")
@options.setting("expectations")
@options.load_factor
@options.setting("var")
@ci_outputs.options
@options.with_settings
def compare_builds(
    settings: Settings,
    scenarios: tuple[str, ...],
    load_factor: float,
    time_budget: float,
    outputs: CiOutputs,
    **described: Any,
) -> None:
    """Start two builds, compare them, and stop them.

    Both are started on free ports. The scenarios (all unless some are named) are driven against both in turn, round by
    round, and the ratio of their numbers is judged. Ends with 1 where the candidate does not start, and with 3 where
    the reference doesn't; a scenario that is inconclusive at the end of the time is no failure.
    """
    began_s, console, troubles = monotonic(), terminal.console(), Troubles()
    pair = _pair(settings, described)
    steps.planned_scenarios(RunContext.from_settings(settings), scenarios, load_factor)
    with ExitStack() as running:
        with interrupted_by_signals():
            context, started = running.enter_context(steps.two_builds(settings, pair))
            up_s = monotonic() - began_s
            console.print(f"Both builds are up after {span(up_s)}")
        opened = open_shown(context, console, scenarios, load_factor)
        phase = MeasuringPhase(context, opened, console, troubles)
        budget = TimeBudget(began_s + time_budget, context.round_budget, opened.id, described["starts"])
        interrupted = not _Driving(phase, budget, started, up_s).to_the_end()
        failures = started.failures()
        with concluding_shown(console, is_interrupted=interrupted):
            running.close()
            document = conclude(context, opened.id, console, troubles, outputs)
            for line in (line for failure in failures for line in f"Error: {failure}".split("\n")):
                terminal.say(line, error=True)
            if lost := steps.not_compared(document):
                terminal.say(
                    f"Error: nothing is claimed about {', '.join(lost)}: the reference was lost or is no yardstick, "
                    "and targets alone make no comparison good.",
                    error=True,
                )
            console.print(f"Took {span(monotonic() - began_s)}")
            raise SystemExit(steps.exit_code_of_pair(document, failures))


@dataclass
class _Driving:
    """The load of the two builds: turns of the scenarios until the time is over."""

    phase: MeasuringPhase
    budget: TimeBudget
    started: StartedBuilds
    up_s: float
    """How long both took until they were healthy."""

    def to_the_end(self) -> bool:
        """Drive the scenarios until the time is over. Returns whether nobody interrupted that.

        Where a build has ended, or doesn't start again, nothing more is measured: it would be compared with nothing.
        """
        try:
            with interrupted_by_signals():
                planned = steps.scenarios_to_measure(self.phase.context, self.phase.run.id)
                if planned and self._drive(self.budget.first_turns(planned), len(planned)):
                    self._repeat_invalid()
                    self.budget.plan_starts(self.up_s)
                    undecided = len(self.budget.undecided) if self.budget.left_s > 0 else 0
                    self._drive(self.budget.further_turns(self._start_again), undecided, what="undecided")
        except BuildFailedError:
            return True  # `started` says which, and why
        except KeyboardInterrupt:
            return False
        return True

    def _repeat_invalid(self) -> None:
        """Measure those again that are invalid, as far as time is left."""
        context, troubles = self.phase.context, self.phase.troubles
        troubles.retry_keeping(context)
        due = troubles.attempt(lambda: steps.repetitions_due(context, self.phase.run.id)) or {}
        again = [name for name in due if name not in troubles.rescued and self.budget.left_s > 0]
        self._drive(self.budget.first_turns(again), len(again))

    def _drive(self, turns: Iterator[Turn], number: int, **shown: str) -> bool:
        """Drive turns. Returns whether both builds still run."""
        if not number:
            return True
        with RunProgress(self.phase.console, number, **shown) as progress:
            for turn in turns:
                self.phase.measure(turn.scenario, progress, turn)
                if self.started.failures():
                    return False
        return True

    def _start_again(self) -> None:
        self.phase.console.print("Both builds are started again")
        context = steps.start_again(self.phase.context, self.started)
        self.phase = replace(self.phase, context=context)


def _pair(settings: Settings, described: dict[str, Any]) -> BuildPair:
    """The builds that the options describe.

    Raises:
        BadInputError: one of them has neither a command nor an image, or both; a folder, a core or a variable that
            there is not.
    """
    builds = {
        name: _build(name, described["both_env"], {key: described[f"{name}_{key}"] for key in _KEYS})
        for name in BUILD_NAMES
    }
    try:
        docker_options = shlex.split(described["docker_options"])
    except ValueError as error:
        raise BadInputError(f"--docker-options: {error}; write them as a shell takes them.") from None
    how = HowToStart(
        logs=settings.var / "logs",
        cores=chosen_cores(described["cores"]),
        timeout_s=described["start_timeout"],
        container_port=described["container_port"],
        container_options=docker_options,
    )
    return BuildPair(**builds, how=how)


def _build(name: BuildName, both_env: Sequence[str], described: dict[str, Any]) -> Build:
    command, image, folder = (described[key] for key in ("command", "image", "dir"))
    if bool(command) == bool(image):
        raise BadInputError(
            f"--{name}-command or --{name}-image is needed, and not both: what starts the {name}, such as "
            f"--{name}-command 'gunicorn -b 127.0.0.1:{PORT_MARK} shop:app'."
        )
    if folder is not None and (image or not Path(folder).is_dir()):
        raise BadInputError(
            f"--{name}-dir {folder}: an image has no folder; leave it out."
            if image
            else f"--{name}-dir {folder}: there is no such folder; name the one in which the command runs."
        )
    variables = chosen_variables(both_env, "--env") | chosen_variables(described["env"], f"--{name}-env")
    return Build(name, command, image, Path(folder) if folder is not None else None, variables)
