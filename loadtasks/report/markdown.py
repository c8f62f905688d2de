"""The summary of a run in Markdown: verdict, table and findings, short enough for a chat or a pull request."""

import re

from loadtasks import units
from loadtasks.plain_text import plain
from loadtasks.report import exemplars, table
from loadtasks.report.comparison_summary import comparison_summary
from loadtasks.report.findings import findings_in_short, invalid_reasons
from loadtasks.report.headline import headline
from loadtasks.report.pull_request import outline
from loadtasks.report.verdicts import WORD, tally
from loadtasks.report.worst_first import worst_first
from loadtasks.results.document import ResultsDocument
from loadtasks.results.findings.codes import FindingKind
from loadtasks.units import plural

_SPECIAL = re.compile(r"([\\`*\[\]<>#|~!&]|\b_|_\b)")
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=[^\W\d]|%)")
_BRACKETS = "In brackets: the 95 % confidence interval."


def render_for_ci(document: ResultsDocument) -> str:
    """The summary of a run on the page of a CI job: what changed first, then all scenarios and findings."""
    rows = table.rows(document)
    whole = [_unbroken(_table(rows)), *([escape(table.FOOTNOTE)] if table.has_marks(rows) else [])] if rows else []
    details = "\n\n".join([*whole, *_findings(document), *_slowest(document)])
    number = plural(len(document.scenarios), "scenario")
    return f"{outline(document)}\n\n<details>\n<summary>Numbers of {number}</summary>\n\n{details}\n\n</details>\n"


def render(document: ResultsDocument) -> str:
    """The text of summary.md."""
    run = document.run
    rows = table.rows(document)
    parts = [
        f"# {WORD[document.verdict]}, nightly performance of {escape(run.service)}: {escape(headline(document))}",
        f"Run {escape(run.id)} of {escape(run.service)} at {escape(run.target_url)}"
        + (f", version {escape(run.target_version)}" if run.target_version else "")
        + f", {escape(run.trigger)}, started {run.started_at:%Y-%m-%d %H:%M %Z}"
        + (f", took {units.span(run.took_s)}" if run.took_s is not None else "")
        + f". {escape(tally(document))}. {escape(comparison_summary(document))}",
        *([_table(rows)] if rows else ["The run holds no scenario."]),
        *([escape(_BRACKETS)] if any(row.interval(name) for row in rows for name in table.PERCENTILE_COLUMNS) else []),
        *([escape(table.FOOTNOTE)] if table.has_marks(rows) else []),
        *_findings(document),
        *_slowest(document),
        *_invalid(document),
        "Whole report: [index.html](index.html). Every number: [results.json](results.json).",
    ]
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """A text as one line in which Markdown and HTML mean nothing."""
    return _SPECIAL.sub(r"\\\1", plain(text))


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


def _unbroken(markdown: str) -> str:
    """A table whose numbers keep their units, however narrow the page is."""
    return _BEFORE_UNIT.sub("\N{NO-BREAK SPACE}", markdown)


def _cell(row: table.TableRow, column: str) -> str:
    interval = row.interval(column)
    return row.cell(column).strip() + (f" ({interval})" if interval else "")


def _findings(document: ResultsDocument) -> list[str]:
    lines = [
        f"- **{escape(rendered.label)}**: {rendered.title.lower()}: {escape(rendered.sentence)}"
        + (f". {escape(rendered.next_step)}" if rendered.next_step else "")
        for result in worst_first(document.scenarios)
        for rendered in findings_in_short(result)
        if rendered.finding.kind is not FindingKind.VALIDITY
    ]
    return ["## Findings", "\n".join(lines)] if lines else []


def _slowest(document: ResultsDocument) -> list[str]:
    lines = [f"- **{escape(slow.label)}**: {escape(slow.sentence)}" for slow in exemplars.of_bad(document)]
    return ["## Slowest requests, to find in the target's logs", "\n".join(lines)] if lines else []


def _invalid(document: ResultsDocument) -> list[str]:
    reasons = invalid_reasons(document)
    if not reasons:
        return []
    lines = [f"- **{escape(scenario)}**: {escape(reason)}" for scenario, reason in reasons.items()]
    return ["## Invalid", "\n".join(lines)]
