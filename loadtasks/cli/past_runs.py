"""The commands about what past runs showed: `report`, `judge`, `keep`, `compare`, `history` and `baseline`."""

from pathlib import Path

import click

from loadtasks import steps
from loadtasks.cli import ci_outputs, options
from loadtasks.cli.ci_outputs import CiOutputs
from loadtasks.report import listings, terminal
from loadtasks.results.document import read_document
from loadtasks.results.store import Store
from loadtasks.steps import RunContext


@click.command()
@click.argument("run_id", metavar="[RUN]", default=steps.LATEST)
@options.setting("service")
@ci_outputs.options
@options.with_context
def report(context: RunContext, run_id: str, outputs: CiOutputs) -> None:
    """Write the report of a run again and print it.

    RUN is a run id, `latest` (the default: the newest run of the service), or the path of a results.json, which is
    only printed. What is left of a pruned run is only printed, too.
    """
    if run_id.endswith(".json"):
        document = read_document(Path(run_id))
        terminal.show(document)
        outputs.write(document)
        raise SystemExit(document.exit_code)
    run_id = steps.find_run(context, run_id)
    _write_and_show(context, run_id, outputs)


@click.command()
@click.argument("run_id", metavar="[RUN]", default=steps.LATEST)
@options.setting("service")
@options.setting("scenarios")
@options.setting("expectations")
@options.with_context
def judge(context: RunContext, run_id: str) -> None:
    """Judge a stored run again by the suites as they are now, and write its report again.

    RUN is a run id, or `latest` (the default: the newest run of the service). Nothing is sent, to the target or by
    mail. A run that broke before it was judged is judged and closed.
    """
    run_id = steps.find_run(context, run_id)
    steps.judge_again(context, run_id)
    _write_and_show(context, run_id, CiOutputs())


def _write_and_show(context: RunContext, run_id: str, outputs: CiOutputs) -> None:
    """Write the report of a run and print it; of a pruned one, print what is left. Exits with the code of the run."""
    with Store.open(context.workspace.results_url) as store:
        pruned_at = store.pruned().get(run_id)
    folder = steps.write_report(context, run_id) if pruned_at is None else None
    document = steps.document(context, run_id)
    if pruned_at is not None:
        terminal.say(
            f"Run {run_id} was pruned on {pruned_at:%Y-%m-%d}: its report, histograms and slowest requests are gone, "
            "its verdicts, findings and metrics are left."
        )
    terminal.show(document, report=folder and folder / "index.html")
    outputs.write(document)
    raise SystemExit(document.exit_code)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@options.with_context
def keep(context: RunContext, folder: Path) -> None:
    """Keep measurements that the results database could not take.

    FOLDER is the one that the message of the run named. Its files are removed once the database has them; then `judge`
    the run.
    """
    kept = steps.keep(context, folder)
    for run_id, scenario in kept:
        terminal.say(f"Run {run_id}: {scenario} is kept.")
    if not kept:
        terminal.say("Nothing to keep: the run has these measurements already.")
    for run_id in dict.fromkeys(run_id for run_id, _ in kept):
        terminal.say(f"Next: python -m loadtasks judge {run_id}")


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.argument("baseline", type=click.Path(path_type=Path))
@ci_outputs.options
@options.with_context
def compare(context: RunContext, results: Path, baseline: Path, outputs: CiOutputs) -> None:
    """Compare the run of a results file with that of another.

    RESULTS and BASELINE are paths of results.json files. A change is a regression or an improvement where it is larger
    than runs of one build differ: by the history of this machine in the results database, where it has one, else by a
    documented prior. Whatever is smaller is inconclusive.
    """
    compared = steps.compare_files(context, results, baseline)
    terminal.show(compared)
    outputs.write(compared)
    raise SystemExit(compared.exit_code)


@click.command()
@click.argument("scenario")
@options.limit("Most runs to list.")
@options.setting("service")
@options.with_context
def history(context: RunContext, scenario: str, limit: int) -> None:
    """List what past runs measured of one SCENARIO of a service."""
    with Store.open(context.workspace.results_url) as store:
        service = steps.find_service(context, store)
        listings.show_history(service, scenario, store.history(service, scenario, limit))


@click.group(invoke_without_command=True)
@options.setting("service")
@click.pass_context
def baseline(invocation: click.Context) -> None:
    """List the baseline runs of a service, or of all, or approve a run as the new one."""
    if invocation.invoked_subcommand is None:
        _list_baselines()


@options.with_context
def _list_baselines(context: RunContext) -> None:
    with Store.open(context.workspace.results_url) as store:
        listings.show_baselines(store.approvals.current(context.settings.service))


@baseline.command()
@click.argument("run_id", metavar="RUN")
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO ...]")
@click.option("--why", default="", metavar="TEXT", help="The reason, kept with your name and the time.")
@options.setting("service")
@options.with_context
def approve(context: RunContext, run_id: str, scenarios: tuple[str, ...], why: str) -> None:
    """Make RUN the baseline run of its scenarios, or of those named.

    RUN is a run id, or `latest`: the newest run of the service.
    """
    run_id = steps.find_run(context, run_id)
    approved = steps.approve(context, run_id, why=why, scenarios=scenarios or None)
    terminal.say(f"Run {run_id} is now the baseline of {', '.join(approved)}.")
