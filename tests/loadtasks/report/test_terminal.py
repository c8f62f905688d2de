"""What a terminal shows, and a pipe."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from loadtasks.report import table, terminal
from loadtasks.results.document import ResultsDocument
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import Verdict
from tests.loadtasks.report import samples


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
        *("p95", "within"),
        "p99",
        "throughput",
        "vs",
        "baseline",
    ]
    rows = table.rows(samples.bad_run())
    for row, line in zip(rows, lines[1:], strict=False):
        assert line.startswith(row.cell("scenario"))
        cells = [row.cell(column) for column in table.ALL_COLUMNS if column in table.COLUMNS or column == "p95_within"]
        assert " ".join(line.split()) == " ".join(" ".join(cells).split())
    ends = {len(line) for line in lines[: len(rows) + 1]}
    assert len(ends) == 1, "all lines end in the same column"
    assert lines[len(rows) + 1] == "Within: where the true percentile lies with 95 % confidence."
    assert lines[len(rows) + 2].startswith("* can't be told from so few requests: it takes 6 for a p50")


def test_where_there_is_no_terminal_nothing_is_coloured_or_wrapped() -> None:
    long = Finding(kind=FindingKind.DIAGNOSIS, sentence="a very long sentence " * 20)
    shown = _shown(samples.document(samples.result("dashboard.concurrent", Verdict.FAIL, long)))
    assert "\x1b" not in shown
    assert any(
        line.startswith("  Likely cause: a very long sentence") and len(line) > 400 for line in shown.splitlines()
    )


def test_on_a_terminal_a_long_finding_is_wrapped_under_itself() -> None:
    long = Finding(kind=FindingKind.DIAGNOSIS, sentence="word " * 40)
    lines = _shown(samples.document(samples.result("dashboard.concurrent", Verdict.FAIL, long)), 80).splitlines()
    wrapped = [line.rstrip() for line in lines if line.startswith("  ") and "word" in line]
    assert len(wrapped) == 3
    assert max(len(line) for line in wrapped) <= 80


@pytest.mark.parametrize("width", [80, 90, 100, 110, 120, 140, 200])
def test_no_column_is_cut_at_any_usual_width(width: int) -> None:
    rows = table.rows(samples.bad_run())
    lines = _shown(samples.bad_run(), width).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= width
    shown = re.split(r" (?! )(?!within|baseline)", " ".join(lines[0].split()))
    columns = [next(key for key, heading in table.ALL_COLUMNS.items() if name == heading) for name in shown]
    assert {"scenario", "verdict", "success", "p95", "p99", "change"} <= set(columns)
    for row, line in zip(rows, lines[1:], strict=False):
        assert " ".join(line.split()) == " ".join(" ".join(row.cell(column) for column in columns).split())
    if width >= 120:
        assert [column for column in columns if column in table.COLUMNS] == list(table.COLUMNS)
    assert ("p95_within" in columns) is (width >= 140)
    assert ("p50_within" in columns) is (width >= 160)
    assert any(line.startswith("Within: ") for line in lines) is (width >= 140)


def test_findings_then_the_verdict_then_the_report() -> None:
    lines = _shown(samples.bad_run(), report=Path("/srv/reports/x/index.html")).splitlines()
    first = lines.index("dashboard.sustained")
    assert lines[first + 1] == "  Target missed: success rate 85.0 %, target ≥ 95 %."
    assert lines[first + 2] == "  Target missed: p95 3.10 s, target < 2.00 s."
    assert "  Target missed (sessions): mean 1.62 s, target < 1.50 s." in lines
    assert lines[-3] == "FAIL  dashboard.sustained p95 3.10 s, target < 2.00 s, and 2 more"
    assert lines[-2].startswith("3 pass, 2 fail, 1 regressed, 1 improved, 2 invalid. Compared with the median of ")
    assert lines[-1] == "Report: /srv/reports/x/index.html"


def test_a_first_good_night_is_short() -> None:
    notes = Finding(kind=FindingKind.HISTORY, sentence="not compared: 13 more nights are needed")
    shown = _shown(samples.document(samples.result("dashboard.sustained", Verdict.PASS, notes, baseline=False)))
    assert shown.splitlines()[2:] == [
        "Within: where the true percentile lies with 95 % confidence.",
        "",
        "PASS  the one scenario met its targets",
        "1 pass. Not judged by its past (13 more nights are needed): dashboard.sustained.",
    ]


def test_a_scenario_that_left_no_trace_is_told() -> None:
    shown = _shown(
        samples.document(samples.result("dashboard.concurrent"), scenarios=["dashboard.concurrent", "gone.steady"])
    )
    assert "gone.steady: it was planned, and the run ended without it." in shown


def test_escape_sequences_and_markup_from_outside_are_text() -> None:
    evil = Finding(
        kind=FindingKind.VALIDITY, sentence="\x1b]0;owned\x07[bold]loud[/bold] [link=http://x]y[/link]\r\nnext"
    )
    shown = _shown(samples.document(samples.result("dashboard.concurrent", Verdict.INVALID, evil)), 200)
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "]0;owned [bold]loud[/bold] [link=http://x]y[/link] next." in shown
