"""What a terminal shows, and a pipe."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from loadtasks.report import table, terminal
from loadtasks.report.comparison_summary import comparison_summary
from loadtasks.report.findings import findings_in_short
from loadtasks.report.headline import headline
from loadtasks.report.verdicts import tally
from loadtasks.results.document import ResultsDocument
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import BaselineTooShort
from loadtasks.results.judgement import Verdict
from tests.findings import text_finding
from tests.loadtasks.report import samples
from tests.measurements import measurement


def _shown(document: ResultsDocument, width: int | None = None, report: Path | None = None) -> str:
    written = io.StringIO()
    console = (
        terminal.console(written)
        if width is None
        else Console(file=written, width=width, force_terminal=True, color_system=None, highlight=False)
    )
    terminal.show(document, to=console, report=report)
    return written.getvalue()


def test_each_scenario_and_part_is_one_aligned_line() -> None:
    lines = _shown(samples.bad_run()).splitlines()
    assert lines[0].split() == [
        "scenario",
        "verdict",
        "requests",
        "success",
        "mean",
        "p50",
        "p95",
        *("p95", "95", "%", "CI"),
        "p99",
        "throughput",
        "vs",
        "baseline",
    ]
    rows = table.rows(samples.bad_run())
    for row, line in zip(rows, lines[1:], strict=False):
        assert line.startswith(row.cell("scenario"))
        cells = [
            row.cell(column) for column in table.ALL_COLUMNS if column in table.COLUMNS or column == "p95_s_interval"
        ]
        assert " ".join(line.split()) == " ".join(" ".join(cells).split())
    ends = {len(line) for line in lines[: len(rows) + 1]}
    assert len(ends) == 1, "all lines end in the same column"
    assert lines[len(rows) + 1] == table.FOOTNOTE


def test_where_there_is_no_terminal_nothing_is_coloured_or_wrapped() -> None:
    long = text_finding(FindingKind.DIAGNOSIS, "a very long sentence " * 20)
    shown = _shown(samples.document(samples.result("dashboard.concurrent", Verdict.FAIL, long)))
    assert "\x1b" not in shown
    assert any(
        line.startswith("  Likely cause: a very long sentence") and len(line) > 400 for line in shown.splitlines()
    )


def test_on_a_terminal_a_long_finding_is_wrapped_under_itself() -> None:
    long = text_finding(FindingKind.DIAGNOSIS, "word " * 40)
    lines = _shown(samples.document(samples.result("dashboard.concurrent", Verdict.FAIL, long)), 80).splitlines()
    wrapped = [line.rstrip() for line in lines if line.startswith("  ") and "word" in line]
    assert len(wrapped) == 3
    assert max(len(line) for line in wrapped) <= 80


@pytest.mark.parametrize("width", [80, 90, 100, 110, 120, 140, 200])
def test_no_column_is_cut_at_any_usual_width(width: int) -> None:
    rows = table.rows(samples.bad_run())
    lines = _shown(samples.bad_run(), width).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= width
    shown = re.split(r" (?!95 |% |CI|baseline)", " ".join(lines[0].split()))
    columns = [next(key for key, heading in table.ALL_COLUMNS.items() if name == heading) for name in shown]
    assert {"scenario", "verdict", "success_rate", "p95_s", "p99_s", "change"} <= set(columns)
    for row, line in zip(rows, lines[1:], strict=False):
        assert " ".join(line.split()) == " ".join(" ".join(row.cell(column) for column in columns).split())
    if width >= 120:
        assert [column for column in columns if column in table.COLUMNS] == list(table.COLUMNS)
    assert ("p95_s_interval" in columns) is (width >= 140)
    assert ("p50_s_interval" in columns) is (width >= 160)


def test_findings_then_the_verdict_then_the_report() -> None:
    document = samples.bad_run()
    lines = _shown(document, report=Path("/srv/reports/x/index.html")).splitlines()
    for result in document.scenarios:
        for rendered in findings_in_short(result):
            part = f" ({rendered.finding.part})" if rendered.finding.part else ""
            line = f"  {rendered.title}{part}: {rendered.sentence}."
            assert lines.index(result.scenario) < lines.index(line)
    assert lines[-3] == f"FAIL  {document.run.service}: {headline(document)}"
    assert lines[-2] == f"{tally(document)}. {comparison_summary(document)}"
    assert lines[-1] == "Report: /srv/reports/x/index.html"


def test_a_first_good_run_is_short() -> None:
    too_short = Finding(code=FindingCode.BASELINE_TOO_SHORT, parameters=BaselineTooShort(missing_runs=13))
    document = samples.document(samples.result("dashboard.sustained", Verdict.PASS, too_short, baseline=False))
    assert len(_shown(document).splitlines()) == 5


def test_a_planned_scenario_without_a_trace_is_shown() -> None:
    shown = _shown(
        samples.document(samples.result("dashboard.concurrent"), scenarios=["dashboard.concurrent", "gone.steady"])
    )
    assert "\ngone.steady: " in shown


def test_escape_sequences_and_markup_from_outside_are_text() -> None:
    evil = text_finding(FindingKind.VALIDITY, "\x1b]0;owned\x07[bold]loud[/bold] [link=http://x]y[/link]\r\nnext")
    shown = _shown(samples.document(samples.result("dashboard.concurrent", Verdict.INVALID, evil)), 200)
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "]0;owned [bold]loud[/bold] [link=http://x]y[/link] next." in shown


@pytest.mark.parametrize("width", [1, 40, 60])
def test_where_not_even_the_most_important_columns_fit_each_row_has_lines_of_its_own(width: int) -> None:
    document = samples.bad_run()
    shown = _shown(document, width)
    assert "\u2026" not in shown
    if width >= 40:
        text = " ".join(shown.split())
        for row in table.rows(document):
            assert row.cell("scenario").strip() in text
            assert row.cell("p95_s") in text


def test_texts_of_targets_do_nothing_to_a_terminal() -> None:
    written = io.StringIO()
    console = terminal.console(written)
    console.print("version 1\n\x1b[2J\u202e\x9b")
    assert written.getvalue() == "version 1\\n\\x1b[2J\\u202e\\x9b\n"


def test_what_was_just_measured_is_a_table_without_what_only_a_verdict_knows() -> None:
    measured = [measurement("mixed.concurrent"), measurement("mixed.concurrent", part="read\x1b[31m")]
    heading, whole, part, *footnote = terminal.measured_lines(measured)
    assert heading.split()[:3] == ["scenario", "requests", "success"]
    assert "verdict" not in heading
    assert "baseline" not in heading
    assert whole.startswith("mixed.concurrent")
    assert "100 %" in whole
    assert part.startswith("  read")
    assert "\x1b" not in part
    assert footnote == [table.FOOTNOTE]
    assert terminal.measured_lines([]) == []
