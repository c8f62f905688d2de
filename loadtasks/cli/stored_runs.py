"""The commands about stored runs: `runs` lists them, `runs delete` and `prune` make room."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import click

from loadtasks import steps, units
from loadtasks.cli import options
from loadtasks.errors import BadInputError
from loadtasks.report import listings, terminal
from loadtasks.results.pruning import KeptBecause
from loadtasks.results.removal import RemovedRun
from loadtasks.results.store import Store
from loadtasks.steps import OldRunsPlan, RunContext
from loadtasks.units import plural

_KEPT = {
    KeptBecause.NOT_ENDED: "has not ended (`runs delete RUN --unfinished` deletes one whose process was killed)",
    KeptBecause.NEWEST: "is the newest of its service",
    KeptBecause.BASELINE: "is a baseline run",
    KeptBecause.REGRESSION: "belongs to a regression that has not ended",
}


@click.group(invoke_without_command=True)
@options.limit("Most runs to list.")
@options.setting("service")
@click.pass_context
def runs(invocation: click.Context, limit: int) -> None:
    """List the runs of a service, or of all, newest first, or delete some."""
    if invocation.invoked_subcommand is None:
        _list_runs(limit)


@options.with_context
def _list_runs(context: RunContext, limit: int) -> None:
    with Store.open(context.workspace.results_url) as store:
        listings.show_runs(store.runs(context.settings.service, limit), pruned=store.pruned())


@runs.command()
@click.argument("run_ids", metavar="RUN ...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--unfinished", is_flag=True, help="Delete it although it has not ended, since its process was killed.")
@options.setting("service")
@options.with_context
def delete(context: RunContext, run_ids: tuple[str, ...], yes: bool, unfinished: bool) -> None:
    """Delete runs with their measurements, verdicts, findings and reports, as if they had never been made.

    RUN is a run id, or `latest`: the newest run of the service. What a run decided is undone: regressions that it
    found go unless somebody has decided about them, and a baseline that began with it begins with the run that was
    approved before.
    """
    found = list(dict.fromkeys(steps.find_run(context, run_id) for run_id in run_ids))
    if not yes:
        _ask(_question_about(context, found), "nothing was deleted")
    for run_id in found:
        terminal.say(_deletion_sentences(context, steps.delete_run(context, run_id, unfinished=unfinished)))


@click.command()
@click.option(
    "--older-than", type=options.Age(), required=True, metavar="AGE", help="Prune runs that started before: 180d, 26w."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be pruned.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@options.setting("service")
@options.with_context
def prune(context: RunContext, older_than: timedelta, dry_run: bool, yes: bool) -> None:
    """Remove reports, Data Docs, mails, histograms and slowest requests of old runs of a service, or of all.

    Their metrics, verdicts, findings, approvals and regressions stay, so that later runs are judged as before. Kept
    whole are runs that have not ended, the newest one of each service, baseline runs, and those around a regression
    that has not ended.
    """
    plan = steps.plan_pruning(context, older_than, context.settings.service)
    if plan.foreign:
        terminal.say(
            f"Left alone: {plural(len(plan.foreign), 'folder')} in {context.workspace.reports} of no run in the "
            f"results database ({_some(plan.foreign)})."
        )
    for reason, number in Counter(plan.old.kept.values()).items():
        terminal.say(f"Kept whole: {plural(number, 'older run')} that {_KEPT[reason]}.")
    if not plan.old.prunable and not plan.left_over:
        if not dry_run:
            steps.prune(context, plan)  # gives back space that an interrupted one has left
        terminal.say(f"Nothing to prune: no other run started before {plan.before:%Y-%m-%d %H:%M %Z}.")
        return
    if dry_run:
        for run in plan.old.prunable:
            terminal.say(f"{run.id}  {run.service}  {run.started_at:%Y-%m-%d %H:%M %Z}")
        terminal.say(f"Would prune {_what(plan)}.")
        return
    if plan.old.clock_ahead:
        terminal.say(
            f"By this machine's clock it is {datetime.now(UTC):%Y-%m-%d %H:%M %Z}, and even the newest runs are older "
            "than that: see that the clock is right."
        )
        if yes:
            raise BadInputError(
                "nothing was pruned: even the newest runs would be old; set the clock right, or, if it is, run the "
                "command without --yes and answer it."
            )
    if not yes:
        _ask(f"Prune {_what(plan)}?", "nothing was pruned")
    pruned = steps.prune(context, plan)
    terminal.say(f"Pruned {plural(len(pruned), 'run')}; what later verdicts need is kept.")


def _what(plan: OldRunsPlan) -> str:
    parts = []
    if plan.old.prunable:
        parts.append(f"{plural(len(plan.old.prunable), 'run')} that started before {plan.before:%Y-%m-%d %H:%M %Z}")
    if plan.left_over:
        parts.append(f"{plural(len(plan.left_over), 'report')} that could not be removed before")
    return f"{' and '.join(parts)}, {units.count(plan.report_bytes / 1e6)} MB of reports in all"


def _ask(question: str, otherwise: str) -> None:
    """Ask, and go on only when that is agreed to.

    Raises:
        BadInputError: it is not, or there is nobody to answer.
    """
    try:
        agreed = click.confirm(question)
    except click.Abort:
        click.echo()  # the question stands on the line
        raise BadInputError(f"{otherwise}: nobody answered; --yes does it without asking.") from None
    if not agreed:
        raise BadInputError(f"{otherwise}.")


def _question_about(context: RunContext, run_ids: list[str]) -> str:
    with Store.open(context.workspace.results_url) as store:
        named = [store.run(run_id) for run_id in run_ids]
    which = ", ".join(f"{run.id} of {run.service} (started {run.started_at:%Y-%m-%d %H:%M %Z})" for run in named)
    return f"Delete {'run' if len(named) == 1 else 'runs'} {which}, with everything of {_it(len(named))}?"


def _it(number: int) -> str:
    return "it" if number == 1 else "them"


def _deletion_sentences(context: RunContext, removed: RemovedRun) -> str:
    """What is gone, and what has changed with it."""
    run = removed.run
    gone = [plural(removed.measurements, "measurement"), "its verdicts", "its report"]
    if removed.deleted_regressions:
        gone.append(f"{_regressions(removed.deleted_regressions)}, which it had found")
    sentences = [f"Deleted run {run.id} of {run.service}: {', '.join(gone)}."]
    if removed.reopened_regressions:
        again = _regressions(removed.reopened_regressions)
        sentences.append(f"Open again, since it had recovered, or was accepted automatically, in this run: {again}.")
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


def _some(names: list[str]) -> str:
    shown = names[:3]
    return ", ".join(shown) + (", ..." if len(names) > len(shown) else "")
