"""The command line: `python -m loadtasks`. docs/command_line.md describes it, exit codes are those of `errors`."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loadtasks import __version__, steps
from loadtasks.cli.live_view import RunProgress
from loadtasks.cli.regressions import backtest, regressions
from loadtasks.engine.generator.processes import processes_from_environ
from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.plan import plans
from loadtasks.errors import ExitCode, LoadTasksError
from loadtasks.measurement.model import Measurement
from loadtasks.report import listings, terminal
from loadtasks.report.repetitions import render_repetitions_due
from loadtasks.report.sentences.targets import render_target
from loadtasks.results.document import read_document
from loadtasks.results.run import new_run_id
from loadtasks.results.store import Store
from loadtasks.scenarios.files import read_scenarios, select
from loadtasks.units import duration, plural, rate, share
from loadtasks.verdict.compare_documents import compare_documents
from loadtasks.verdict.targets.suites import read_suites
from loadtasks.workspace import Workspace

if TYPE_CHECKING:
    from rich.console import Console

LATEST = "latest"
EXISTING_FOLDER = click.Path(file_okay=False, path_type=Path)


class _Group(click.Group):
    """Turns our errors into one sentence on stderr and their exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LoadTasksError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--out", type=EXISTING_FOLDER, help="Folder for results, reports and outbox.  [default: var/]")
@click.pass_context
def cli(context: click.Context, out: Path | None) -> None:
    """Exercise an API, judge what was measured, and report it.

    Exit codes: 0 good; 1 a target missed or a regression; 2 bad input; 3 invalid measurement.
    """
    workspace = Workspace.from_environ()
    context.obj = workspace.moved(out) if out else workspace


cli.add_command(regressions)
cli.add_command(backtest)


def main() -> None:
    """Run the command line."""
    cli(prog_name="python -m loadtasks")


@cli.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO ...]")
@click.option("--target", help="Address of the API.  [default: LOADTASKS_TARGET, else http://127.0.0.1:8000]")
@click.option(
    "--reference",
    help="Address of the approved build, beside which the API is measured.  [default: LOADTASKS_REFERENCE]",
)
@click.option("--scenarios", "folder", type=EXISTING_FOLDER, help="Folder of scenario files.")
@click.option("--expectations", type=EXISTING_FOLDER, help="Folder of Great Expectations suites.")
@click.option(
    "--load-factor", type=float, default=1.0, show_default=True, help="Multiplies the load of every scenario."
)
@click.option(
    "--processes",
    type=int,
    help="Shares the load of every scenario over so many processes.  [default: LOADTASKS_PROCESSES, else 1]",
)
@click.option("--out", type=EXISTING_FOLDER, help="Folder for results, reports and outbox.  [default: var/]")
@click.pass_obj
def run(
    workspace: Workspace,
    scenarios: tuple[str, ...],
    target: str | None,
    reference: str | None,
    folder: Path | None,
    expectations: Path | None,
    load_factor: float,
    processes: int | None,
    out: Path | None,
) -> None:
    """Run scenarios (all, or those named, or all of an endpoint), judge, compare and report them."""
    workspace = workspace.moved(out) if out else workspace
    workspace = workspace.reading(folder, expectations)
    console = terminal.console()
    address = Target.from_environ(target)
    beside = address.reference_from_environ(reference)
    count = processes_from_environ(processes)
    opened = steps.open_run(
        workspace,
        address,
        run_id=new_run_id(),
        trigger="command line",
        scenarios=scenarios or None,
        load_factor=load_factor,
        processes=count,
        reference=beside,
    )
    console.print(f"Run {opened.id} against {opened.target_url} (version {opened.target_version or 'unknown'})")
    if beside is not None:
        console.print(f"beside the reference {beside.url} (version {opened.reference_version or 'unknown'})")
    measure = partial(steps.measure, workspace, opened.id, target=address, processes=count, reference=beside)
    _measure_all(measure, opened.scenarios, console)
    _measure_suspects(workspace, opened.id, address, count, console)
    steps.judge(workspace, opened.id)
    steps.compare(workspace, opened.id)
    report = steps.write_report(workspace, opened.id)
    mail = steps.alert(workspace, opened.id, sender=_sender(), recipients=_recipients())
    terminal.show(steps.document(workspace, opened.id), report=report / "index.html", to=console)
    if mail:
        console.print(f"Alert: {mail}", soft_wrap=True)
    raise SystemExit(steps.conclude(workspace, opened.id).exit_code)


@cli.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.argument("baseline", type=click.Path(path_type=Path))
def compare(results: Path, baseline: Path) -> None:
    """Put the numbers of two results files (results.json) side by side; two runs alone can't tell change from noise."""
    compared = compare_documents(read_document(results), read_document(baseline))
    terminal.show(compared)
    raise SystemExit(compared.verdict.exit_code)


@cli.command()
@click.argument("run_id", metavar="RUN", default=LATEST)
@click.pass_obj
def report(workspace: Workspace, run_id: str) -> None:
    """Write a run's report anew and print it. RUN is a run id, `latest`, or a results.json, which is only printed."""
    if run_id.endswith(".json"):
        document = read_document(Path(run_id))
        terminal.show(document)
        raise SystemExit(document.verdict.exit_code)
    run_id = _run_id(workspace, run_id)
    folder = steps.write_report(workspace, run_id)
    terminal.show(steps.document(workspace, run_id), report=folder / "index.html")
    raise SystemExit(steps.conclude(workspace, run_id).exit_code)


@cli.command()
@click.argument("scenario", required=False)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@click.pass_obj
def history(workspace: Workspace, scenario: str | None, limit: int) -> None:
    """List past runs, or what past runs measured of one SCENARIO."""
    with Store.open(workspace.results_url) as store:
        if scenario is None:
            listings.show_runs(store.runs(limit))
        else:
            listings.show_history(scenario, store.history(scenario, limit))


@cli.group(invoke_without_command=True)
@click.pass_context
def baseline(context: click.Context) -> None:
    """List the baselines, or approve a run as the new one."""
    if context.invoked_subcommand is None:
        with Store.open(context.obj.results_url) as store:
            listings.show_baselines(store.baselines())


@baseline.command()
@click.argument("run_id", metavar="RUN")
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO ...]")
@click.option("--why", default="", help="Why this is the level to compare with from now on; kept.")
@click.pass_obj
def approve(workspace: Workspace, run_id: str, scenarios: tuple[str, ...], why: str) -> None:
    """Make the measurements of RUN the baseline of its scenarios, or of those named."""
    run_id = _run_id(workspace, run_id)
    approved = steps.approve(workspace, run_id, why=why, scenarios=scenarios or None)
    click.echo(f"Run {run_id} is now the baseline of {', '.join(approved)}.")


@cli.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO ...]")
@click.option("--scenarios", "folder", type=EXISTING_FOLDER, help="Folder of scenario files.")
@click.option("--load-factor", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True)
@click.pass_obj
def plan(workspace: Workspace, scenarios: tuple[str, ...], folder: Path | None, load_factor: float) -> None:
    """Say what scenarios would send, and when it is due, without sending anything."""
    known = read_scenarios(workspace.reading(folder, None).scenarios)
    for scenario in select(known, scenarios or None):
        for planned in plans(scenario.scaled(load_factor)):
            listings.show_plan(planned)


@cli.command()
@click.option("--expectations", type=EXISTING_FOLDER, help="Folder of Great Expectations suites.")
@click.pass_obj
def targets(workspace: Workspace, expectations: Path | None) -> None:
    """List the targets, and the file in which each is changed."""
    workspace = workspace.reading(None, expectations)
    listings.show_targets(
        (
            suite.name,
            expectation.column,
            render_target(expectation.column, expectation.bounds) or expectation.type,
            str(suite.path),
        )
        for suite in read_suites(workspace.expectations)
        for expectation in suite.expectations
    )


def _measure_all(measure: Callable[..., list[Measurement]], scenarios: Sequence[str], console: "Console") -> None:
    with RunProgress(console, len(scenarios)) as progress:
        for scenario in scenarios:
            progress.begin(scenario)
            try:
                measurements = measure(scenario, on_progress=progress.reach)
            except LoadTasksError as error:
                if error.exit_code is ExitCode.BAD_INPUT:
                    raise
                progress.end(f"{scenario}: not measured: {error}")
            except KeyboardInterrupt:
                progress.end(f"{scenario}: interrupted; what was measured before is kept")
                return
            else:
                progress.end(_line(measurements[0]))


def _measure_suspects(workspace: Workspace, run_id: str, target: Target, processes: int, console: "Console") -> None:
    suspects = steps.suspects(workspace, run_id)
    if not suspects:
        return
    for line in render_repetitions_due(suspects):
        console.print(line, highlight=False, markup=False)
    with RunProgress(console, len(suspects)) as progress:
        for scenario in suspects:
            progress.begin(scenario)
            try:
                kept = steps.measure_again(workspace, run_id, scenario, target, progress.reach, processes=processes)
            except LoadTasksError as error:
                progress.end(f"{scenario}: not measured again: {error}")
            except KeyboardInterrupt:
                progress.end(f"{scenario}: interrupted; what was measured before is kept")
                return
            else:
                progress.end(_line(kept[0]))


def _line(measurement: Measurement) -> str:
    requests = plural(measurement.counts.scheduled, "request")
    times = f"p50 {duration(measurement.p50_s)}, p95 {duration(measurement.p95_s)}"
    throughput = rate(measurement.throughput_per_s)
    return f"{measurement.scenario}: {requests}, {share(measurement.success_rate)} good, {times}, {throughput}"


def _run_id(workspace: Workspace, run_id: str) -> str:
    with Store.open(workspace.results_url) as store:
        return store.latest_run_id() if run_id == LATEST else store.run(run_id).id


def _sender() -> str:
    return os.environ.get("LOADTASKS_SENDER") or "nightly-performance@localhost"


def _recipients() -> list[str]:
    return (os.environ.get("LOADTASKS_RECIPIENTS") or "performance@localhost").replace(",", " ").split()
