"""Lists on a terminal: runs, histories of scenarios, baselines, regressions, messages, alarms, targets, plans."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from loadtasks import units
from loadtasks.engine.profiles.plan import Plan, PlanStep
from loadtasks.measurement.metrics import Table, columns_of, metric_label
from loadtasks.measurement.model import label_of
from loadtasks.report.load_sentence import load_sentence
from loadtasks.report.sentences import phrases, sentence
from loadtasks.report.terminal import console
from loadtasks.results.creep_record import CreepRecord
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import Verdict
from loadtasks.results.message import Message
from loadtasks.results.records import Baseline, HistoryEntry
from loadtasks.results.regression import MetricChange, Move, MovePlace, Regression, grouped
from loadtasks.results.run import Run
from loadtasks.verdict.history.replay import Alarm

if TYPE_CHECKING:
    from rich.console import Console

_UNJUDGED = "not judged"
_GAP = 2
_WRAPPED = ("load", "target", "version", "change", "why", "file", "approved by", "by")
"""Columns whose texts may be broken into lines; ids, names and numbers are not, so that they can be copied."""
_MIN_WRAPPED = 12
"""A narrower column would be a word a line."""


def show_runs(
    runs: Sequence[tuple[Run, Verdict | None]],
    to: "Console | None" = None,
    pruned: Mapping[str, datetime] | None = None,
) -> None:
    """Earlier runs, newest first, with the day on which each was pruned, where any of them was.

    `pruned`: when runs were pruned, by the ids of those that were.
    """
    days = {run.id: f"{pruned[run.id]:%Y-%m-%d}" for run, _ in runs if pruned is not None and run.id in pruned}
    rows = (
        (
            run.id,
            run.service,
            _when(run.started_at),
            verdict or _UNJUDGED,
            str(len(run.scenarios)),
            f"{run.load_factor:g}",
            run.target_url,
            run.target_version or units.MISSING,
            *([days.get(run.id, units.MISSING)] if days else []),
        )
        for run, verdict in runs
    )
    heads = ("run", "service", "started", "verdict", "scenarios", "load", "target", "version")
    _show((*heads, "pruned") if days else heads, rows, "No run yet.", to)


def show_history(service: str, scenario: str, entries: Sequence[HistoryEntry], to: "Console | None" = None) -> None:
    """What past runs measured of one scenario of a service, newest first."""
    metrics = columns_of(Table.HISTORY)
    rows = (
        (
            entry.run_id,
            _when(entry.started_at),
            entry.verdict or _UNJUDGED,
            *(units.value(metric.name, entry.metrics.get(metric.name)) for metric in metrics),
            load_sentence(entry.load),
        )
        for entry in entries
    )
    heads = ("run", "measured", "verdict", *(metric.column for metric in metrics), "load")
    _show(heads, rows, f"No run of {service} has measured {scenario} yet.", to)


def show_baselines(baselines: Sequence[Baseline], to: "Console | None" = None) -> None:
    """The baselines, and who approved them."""
    rows = (
        (
            baseline.service,
            baseline.scenario,
            baseline.run_id,
            baseline.approved_by,
            _when(baseline.approved_at),
            baseline.why or units.MISSING,
        )
        for baseline in baselines
    )
    _show(
        ("service", "scenario", "run", "approved by", "when", "why"),
        rows,
        "No baseline yet: the first passing run is one.",
        to,
    )


def show_regressions(
    regressions: Sequence[Regression],
    creeps: Sequence[CreepRecord] = (),
    thresholds: Sequence[tuple[str, Finding]] = (),
    to: "Console | None" = None,
) -> None:
    """Regressions, newest first, with what became of them; below them what is known without being one.

    Args:
        regressions: The regressions; one that most scenarios share is one row.
        creeps: The creeps that were reported.
        thresholds: What dismissals have taught, with the label of its scenario and part.
        to: Where to print; stdout unless given.
    """
    to = to or console()
    rows = (
        (
            str(members[0].id),
            regression.service,
            _scenarios(members),
            _state(regression),
            render_changes(regression.changes),
            regression.first_run,
            regression.version_after or units.MISSING,
            _by(regression.moves[-1]),
            _when(regression.moves[-1].at),
            regression.moves[-1].why,
        )
        for members in grouped(regressions)
        for regression in [_foremost(members)]
    )
    heads = ("id", "service", "scenario", "state", "change", "since run", "version", "by", "when", "why")
    _show(heads, rows, "No regression.", to)
    for record in creeps:
        for finding in record.findings:
            to.print(f"Creep, {record.label}: {sentence(finding)}; reported in run {record.run_id}.", soft_wrap=True)
    for name, finding in thresholds:
        to.print(f"Threshold raised, {name}: {sentence(finding)}.", soft_wrap=True)


def _state(regression: Regression) -> str:
    accepted_in = regression.accepted_automatically_in
    return regression.state.value if accepted_in is None else f"accepted automatically in run {accepted_in}"


def _by(move: Move) -> str:
    """Who decided, and where: `ann (page)`."""
    return move.who if move.place is MovePlace.PIPELINE else f"{move.who} ({move.place.value})"


def _foremost(members: Sequence[Regression]) -> Regression:
    """The one of several regressions that stands for all: the first that people may still decide about."""
    accepted = (member for member in members if member.accepted_automatically_in is not None)
    return next((member for member in members if not member.state.ended), next(accepted, members[0]))


def _scenarios(members: Sequence[Regression]) -> str:
    """`dashboard.concurrent`, or `3 at once: dashboard.concurrent, sessions.filtered, websocket.broadcast`."""
    if len(members) == 1:
        return members[0].label
    return f"{len(members)} at once: {', '.join(member.label for member in members)}"


def show_messages(messages: Sequence[Message], to: "Console | None" = None) -> None:
    """Messages, newest first, with what became of them; each in a block of lines, since subjects are long."""
    to = to or console()
    rows = [
        (
            str(message.id),
            message.service or units.MISSING,
            message.run_id or units.MISSING,
            _when(message.created_at),
            f"{message.state.value.replace('_', ' ')} ({units.plural(message.attempts, 'attempt')})",
            message.subject,
            message.where or ", ".join(message.recipients),
            message.last_error or units.MISSING,
        )
        for message in messages
    ]
    if not rows:
        to.print("No message yet: the first bad run sends one.")
    _show_in_blocks(("message", "service", "run", "composed", "state", "subject", "to", "error"), rows, to)


def show_alarms(alarms: Sequence[Alarm], to: "Console | None" = None) -> None:
    """Alarms that would have come, oldest first."""
    rows = (
        (
            alarm.run_id,
            label_of(alarm.scenario, alarm.part),
            alarm.state.value,
            render_changes([alarm.change]),
            alarm.first_run,
        )
        for alarm in alarms
    )
    _show(("run", "scenario", "alarm", "change", "since run"), rows, "No alarm.", to)


def render_changes(changes: Sequence[MetricChange]) -> str:
    """How metrics moved, with intervals: `p50 +12 % (+9 % to +15 %), error rate 0 → 0.5 % (0.38 % to 0.66 %)`."""
    return ", ".join(
        phrases.error_values(change.errors)
        if change.errors is not None
        else f"{metric_label(change.metric)} {units.change(change.ratio)} "
        f"({units.change(change.low)} to {units.change(change.high)})"
        for change in changes
    )


def show_targets(targets: Iterable[tuple[str, str, str, str]], to: "Console | None" = None) -> None:
    """The targets: endpoint, metric, bound, and the file that each is in."""
    _show(("endpoint", "metric", "target", "file"), targets, "No target.", to)


def show_plan(plan: Plan, to: "Console | None" = None) -> None:
    """What a scenario would send: how much in all, of which rows, and when, where the profile alone decides that."""
    to = to or console()
    counted = "as many as the response times allow" if plan.expected is None else f"{units.count(plan.expected)} in all"
    lasts = "" if plan.lasts_s is None else f", over {units.span(plan.lasts_s)}"
    fed = "" if plan.feeder is None else f"; {plan.feeder}"
    to.print(f"{plan.name}: {load_sentence(plan.load)}; {counted}{lasts}{fed}", soft_wrap=True)
    if plan.first_due_s:
        to.print(f"first due after {', '.join(f'{due_s:.6g}' for due_s in plan.first_due_s)} s", soft_wrap=True)
    if plan.due:
        every_s = plan.due[0].every_s
        _show(("seconds", "due a second" if every_s == 1 else f"due every {every_s} s"), _rows(plan.due), "", to)
    if plan.workers:
        _show(("seconds", "workers"), _rows(plan.workers), "", to)


def _rows(steps: Sequence[PlanStep]) -> Iterator[tuple[str, str]]:
    return ((f"{step.from_s} to {step.to_s}", units.count(step.number)) for step in steps)


def _show(heads: Sequence[str], rows: Iterable[Sequence[str]], nothing: str, to: "Console | None") -> None:
    """Show a table. On a terminal long texts are wrapped; where even that is too wide, each row is a block of lines."""
    to = to or console()
    cells = [[str(cell) for cell in row] for row in rows]
    if not cells:
        to.print(nothing)
        return
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    if to.is_terminal and sum(widths) + _GAP * (len(heads) - 1) > to.width:
        least = [
            width if head not in _WRAPPED else min(width, _MIN_WRAPPED)
            for head, width in zip(heads, widths, strict=True)
        ]
        if sum(least) + _GAP * (len(heads) - 1) > to.width:
            _show_in_blocks(heads, cells, to)
            return
    from rich.table import Table  # noqa: PLC0415 - as in terminal

    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")
    for head in heads:
        wrapped = to.is_terminal and head in _WRAPPED
        table.add_column(head, no_wrap=not wrapped, overflow="fold" if wrapped else "ignore")
    for row in cells:
        table.add_row(*row)
    if not to.is_terminal:  # rich cuts the cells of a table that is wider than its console
        to.width = max(to.width, sum(widths) + _GAP * len(heads))
    to.print(table, soft_wrap=not to.is_terminal)


def _show_in_blocks(heads: Sequence[str], rows: Sequence[Sequence[str]], to: "Console") -> None:
    """Show each row as lines of head and cell, which a narrow terminal may break but never cuts."""
    left = max(map(len, heads)) + _GAP
    for number, row in enumerate(rows):
        if number:
            to.print()
        for head, cell in zip(heads, row, strict=True):
            to.print(f"{head:{left}}{cell}".rstrip(), soft_wrap=True)


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
