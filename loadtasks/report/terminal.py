"""The report on a terminal: the table, what was found in plain sentences, the verdict, and where the rest is."""

import shutil
import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from loadtasks.measurement.model import Measurement
from loadtasks.plain_text import plain
from loadtasks.report import table
from loadtasks.report.comparison_summary import comparison_summary
from loadtasks.report.findings import findings_in_short, invalid_reasons
from loadtasks.report.headline import headline
from loadtasks.report.text import label, printable
from loadtasks.report.verdicts import WORD, tally
from loadtasks.report.worst_first import worst_first
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.judgement import Verdict

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

MIN_WIDTH = 40
PLAIN_WIDTH = 140
"""Columns where there is no terminal: wide enough for everything."""
_STYLE = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.REGRESSED: "bold yellow",
    Verdict.IMPROVED: "cyan",
    Verdict.INVALID: "bold magenta",
}
_KIND_STYLE = {
    FindingKind.VALIDITY: _STYLE[Verdict.INVALID],
    FindingKind.TARGET: _STYLE[Verdict.FAIL],
    FindingKind.REGRESSION: _STYLE[Verdict.REGRESSED],
    FindingKind.IMPROVEMENT: _STYLE[Verdict.IMPROVED],
    FindingKind.DIAGNOSIS: "dim",
    FindingKind.HISTORY: "dim",
    FindingKind.NOTE: "dim",
}
_DROPPED_FIRST = (*table.INTERVAL_COLUMNS, "mean_s", "scheduled", "throughput_per_s", "p50_s")
"""Columns left out, in this order, where the terminal is too narrow for all: the page has them."""
_JUDGED = ("verdict", "change")
"""Columns that hold nothing before a measurement is judged."""


def console(file: TextIO | None = None) -> "Console":
    """A console for reports: as wide as the terminal, or plain and `PLAIN_WIDTH` wide where there is none.

    Texts are shown as `printable` writes them. A terminal that is narrower than `MIN_WIDTH`, or doesn't know how wide
    it is, breaks the lines itself: nothing is cut.
    """
    from rich.console import Console  # noqa: PLC0415 - most commands print no table
    from rich.text import Text  # noqa: PLC0415

    class ForeignTextConsole(Console):
        """Prints texts of targets and files as they are, whatever they hold."""

        def render_str(self, text: str, *arguments: Any, **options: Any) -> Text:
            return super().render_str(printable(text), *arguments, **options)

    file = file or sys.stdout
    size = shutil.get_terminal_size()
    width = max(size.columns, MIN_WIDTH) if file.isatty() else PLAIN_WIDTH
    # Without the height rich takes a dumb terminal for one of 80 columns.
    return ForeignTextConsole(file=file, width=width, height=size.lines, highlight=False, emoji=False, markup=False)


def say(text: str, *, error: bool = False) -> None:
    """Print one line on stdout, or on stderr, as `printable` writes it."""
    file = sys.stderr if error else sys.stdout
    file.write(f"{printable(text)}\n")
    file.flush()


def show(document: ResultsDocument, *, report: Path | None = None, to: "Console | None" = None) -> None:
    """Print a run.

    Args:
        document: the run, whole.
        report: the folder or page of its report, to be named.
        to: where to print; stdout unless given.
    """
    to = to or console()
    rows = table.rows(document)
    if rows and (fitting := _fitting(rows, to.width)):
        to.print(_table(rows, *fitting))
    else:
        _show_one_by_one(rows, to)
    if table.has_marks(rows):
        _line(to, _text((table.FOOTNOTE, "dim")))
    _show_findings(document, to)
    to.print()
    style = _STYLE[document.verdict]
    reason = headline(document)
    service = plain(document.run.service)
    _line(to, _text((WORD[document.verdict], style), (f"  {service}: ", ""), (reason, "bold")))
    _line(to, _text((f"{tally(document)}. {comparison_summary(document)}", "")))
    if report is not None:
        _line(to, _text(("Report: ", "dim"), (str(report), "")))


def measured_lines(measurements: Sequence[Measurement]) -> list[str]:
    """The lines of a table of what was measured of a scenario and not judged yet, for a log: the whole, then its parts.

    Empty where nothing was measured.
    """
    if not measurements:
        return []
    whole = measurements[0]
    result = ScenarioResult(scenario=whole.scenario, endpoint=whole.endpoint, verdict=Verdict.PASS)  # not shown
    rows = [table.TableRow(result, measurement.part, measurement) for measurement in measurements]
    file = StringIO()
    to = console(file)
    columns, gap = _fitting(rows, to.width) or (list(table.COLUMNS), 2)
    to.print(_table(rows, [column for column in columns if column not in _JUDGED], gap))
    lines = file.getvalue().splitlines()
    return [*(line.rstrip() for line in lines), *([table.FOOTNOTE] if table.has_marks(rows) else [])]


def _table(rows: list[table.TableRow], columns: list[str], gap: int) -> "Table":
    from rich.table import Table  # noqa: PLC0415

    made = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="bold")
    for column in columns:
        left = column in ("scenario", "verdict")
        made.add_column(table.ALL_COLUMNS[column], justify="left" if left else "right", no_wrap=True)
    for row in rows:
        dim = "dim" if row.part or row.result.verdict is Verdict.INVALID else ""
        cells = [
            _text((row.cell(column), _STYLE[row.verdict] if column == "verdict" and row.verdict else dim))
            for column in columns
        ]
        made.add_row(*cells)
    return made


def _show_one_by_one(rows: list[table.TableRow], to: "Console") -> None:
    """The rows where not even the most important columns fit side by side: each on lines of its own."""
    for row in rows:
        cells = {column: row.cell(column) for column in table.ALL_COLUMNS}
        style = _STYLE[row.verdict] if row.verdict else ""
        _line(to, _text((cells["scenario"], "bold"), (f"  {cells['verdict']}", style)))
        values = [f"{table.ALL_COLUMNS[column]} {cells[column]}" for column in table.COLUMNS if cells[column]]
        _line(to, _text((", ".join(values[2:]), "")), indent=2)


def _fitting(rows: list[table.TableRow], width: int) -> tuple[list[str], int] | None:
    """The columns that hold something and for which the terminal is wide enough, and the gap between them.

    None where the terminal is too narrow even for those that are always shown.
    """
    widths = {
        column: max(len(heading), *(len(row.cell(column)) for row in rows))
        for column, heading in table.ALL_COLUMNS.items()
        if column in table.COLUMNS or any(row.cell(column) for row in rows)
    }
    columns = list(widths)
    for spared in (None, *_DROPPED_FIRST):
        columns = [column for column in columns if column != spared]
        for gap in (2, 1) if table.COLUMNS.keys() >= set(columns) else (2,):
            if sum(widths[column] + gap for column in columns) - gap <= width:
                return columns, gap
    return None


def _show_findings(document: ResultsDocument, to: "Console") -> None:
    invalid = invalid_reasons(document)
    for result in worst_first(document.scenarios):
        name = label(result.scenario)
        found = findings_in_short(result)
        if not found and name not in invalid:
            continue
        to.print()
        _line(to, _text((name, "bold")))
        for rendered in found:
            part = f" ({plain(rendered.finding.part)})" if rendered.finding.part else ""
            title = (f"{rendered.title}{part}: ", _KIND_STYLE[rendered.kind])
            _line(to, _text(title, (f"{rendered.sentence}.", "")), indent=2)
            if rendered.next_step:
                _line(to, _text((rendered.next_step, "dim")), indent=4)
        if not found:
            _line(to, _text((f"{invalid[name]}.", "")), indent=2)
    for name in invalid.keys() - {label(result.scenario) for result in document.scenarios}:
        to.print()
        _line(to, _text((name, "bold"), (f": {invalid[name]}.", "")))


def _text(*pieces: tuple[str, str]) -> "Text":
    from rich.text import Text  # noqa: PLC0415

    return Text.assemble(*((printable(text), style) for text, style in pieces))


def _line(to: "Console", text: "Text", indent: int = 0) -> None:
    """One line: wrapped at words on a terminal, left whole elsewhere, so that it can be searched."""
    from rich.padding import Padding  # noqa: PLC0415

    if to.is_terminal:
        to.print(Padding(text, (0, 0, 0, indent)) if indent else text)
    else:
        to.print(_text((" " * indent, "")).append_text(text), soft_wrap=True)
