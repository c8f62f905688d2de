"""The command `remove`: a run that should not have been made goes, with everything of it."""

import click

from loadtasks import steps
from loadtasks.cli import options
from loadtasks.errors import BadInputError
from loadtasks.results.removal import RemovedRun
from loadtasks.results.store import Store
from loadtasks.steps import RunContext
from loadtasks.units import plural


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--unfinished", is_flag=True, help="Remove it although it has not ended, since its process was killed.")
@options.setting("service")
@options.with_context
def remove(context: RunContext, run_id: str, yes: bool, unfinished: bool) -> None:
    """Remove a run with its measurements, verdicts, findings and report.

    RUN is a run id, or `latest`: the newest run of the service. What the run decided is undone: regressions
    that it found go unless somebody has decided about them, and a baseline that began with it begins with the run that
    was approved before.
    """
    run_id = steps.find_run(context, run_id)
    if not yes:
        _ask(context, run_id)
    click.echo(_sentences(context, steps.remove_run(context, run_id, unfinished=unfinished)))


def _ask(context: RunContext, run_id: str) -> None:
    with Store.open(context.workspace.results_url) as store:
        run = store.run(run_id)
    question = (
        f"Remove run {run.id} of {run.service}, started {run.started_at:%Y-%m-%d %H:%M %Z}, with everything of it?"
    )
    try:
        agreed = click.confirm(question)
    except click.Abort:
        click.echo()  # the question stands on the line
        raise BadInputError("nothing was removed: nobody answered; --yes removes without asking.") from None
    if not agreed:
        raise BadInputError("nothing was removed.")


def _sentences(context: RunContext, removed: RemovedRun) -> str:
    """What is gone, and what has changed with it."""
    run = removed.run
    gone = [plural(removed.measurements, "measurement"), "its verdicts", "its report"]
    if removed.deleted_regressions:
        gone.append(f"{_regressions(removed.deleted_regressions)}, which it had found")
    sentences = [f"Removed run {run.id} of {run.service}: {', '.join(gone)}."]
    if removed.reopened_regressions:
        sentences.append(
            f"Open again, since it had recovered in this run: {_regressions(removed.reopened_regressions)}."
        )
    sentences += [
        f"The baseline of {scenario} is " + (f"run {now} now." if now else "gone: the next passing run is one.")
        for scenario, now in removed.baselines.items()
    ]
    with Store.open(context.workspace.results_url) as store:
        newest = next(iter(store.run_ids(run.service)), None)
    sentences.append(f"The newest run of {run.service} is {newest}." if newest else f"No run of {run.service} is left.")
    return " ".join(sentences)


def _regressions(numbers: list[int]) -> str:
    return f"{'regression' if len(numbers) == 1 else 'regressions'} {', '.join(map(str, numbers))}"
