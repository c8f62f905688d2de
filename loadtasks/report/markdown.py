"""The summary of a run in Markdown: verdict, table and findings, short enough for a chat or a pull request."""

import re

from loadtasks import units
from loadtasks.report import exemplars, table, words
from loadtasks.results.document import ResultsDocument
from loadtasks.results.findings.codes import FindingKind

_SPECIAL = re.compile(r"([\\`*\[\]<>#|~!&]|\b_|_\b)")
_BRACKETS = "In brackets: where the true percentile lies with 95 % confidence."


def render(document: ResultsDocument) -> str:
    """The text of summary.md."""
    run = document.run
    rows = table.rows(document)
    took = (run.ended_at - run.started_at).total_seconds() if run.ended_at else None
    parts = [
        f"# {words.WORD[document.verdict]}: {escape(words.headline(document))}",
        f"Run {escape(run.id)} of {escape(run.target_url)}"
        + (f", version {escape(run.target_version)}" if run.target_version else "")
        + f", {escape(run.trigger)}, started {run.started_at:%Y-%m-%d %H:%M %Z}"
        + (f", took {units.span(took)}" if took is not None else "")
        + f". {escape(words.tally(document))}. {escape(words.compared(document))}",
        *([_table(rows)] if rows else ["The run holds no scenario."]),
        *([escape(_BRACKETS)] if any(row.within(name) for row in rows for name in table.PERCENTILE_COLUMNS) else []),
        *([escape(table.FOOTNOTE)] if table.marked(rows) else []),
        *_findings(document),
        *_slowest(document),
        *_unknown(document),
        "Whole report: [index.html](index.html). Every number: [results.json](results.json).",
    ]
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """A text as one line in which Markdown and HTML mean nothing."""
    return _SPECIAL.sub(r"\\\1", words.plain(text))


def _table(rows: list[table.TableRow]) -> str:
    heading = "| " + " | ".join(table.COLUMNS.values()) + " |"
    rule = "|" + "|".join(" --- " if column in ("scenario", "verdict") else " --: " for column in table.COLUMNS) + "|"
    lines = [heading, rule]
    for row in rows:
        cells = [escape(_cell(row, column)) for column in table.COLUMNS]
        if row.part:
            cells[0] = f"… {cells[0]}"
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(row: table.TableRow, column: str) -> str:
    within = row.within(column) if column in table.PERCENTILE_COLUMNS else ""
    return row.cell(column).strip() + (f" ({within})" if within else "")


def _findings(document: ResultsDocument) -> list[str]:
    told = [
        each
        for result in document.scenarios
        for each in words.pressing(result)
        if each.finding.kind is not FindingKind.VALIDITY
    ]
    if not told:
        return []
    lines = [
        f"- **{escape(each.label)}**: {each.kind.lower()}: {escape(each.sentence)}"
        + (f". {escape(each.next_step)}" if each.next_step else "")
        for each in told
    ]
    return ["## Findings", "\n".join(lines)]


def _slowest(document: ResultsDocument) -> list[str]:
    lines = [f"- **{escape(each.label)}**: {escape(each.sentence)}" for each in exemplars.of_bad(document)]
    return ["## Slowest requests, to be found in the target's logs", "\n".join(lines)] if lines else []


def _unknown(document: ResultsDocument) -> list[str]:
    reasons = words.invalid(document)
    if not reasons:
        return []
    lines = [f"- **{escape(scenario)}**: {escape(reason)}" for scenario, reason in reasons.items()]
    return ["## Not known", "\n".join(lines)]
