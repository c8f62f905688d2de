"""The run in words, its table and its summary in Markdown."""

import re

import pytest

from loadtasks import units
from loadtasks.report import markdown, table, words
from loadtasks.results.document import ResultsDocument
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import Verdict
from tests.loadtasks.report import samples

NEW = Finding(kind=FindingKind.HISTORY, sentence="not compared: 3 more nights are needed")
UNLIKE = Finding(kind=FindingKind.HISTORY, sentence="not compared: its load is 5 s, not 10 s")
SUSPECT = Finding(kind=FindingKind.HISTORY, sentence="under suspicion")


@pytest.mark.parametrize(
    ("document", "headline"),
    [
        (samples.document(), "all 9 scenarios met their targets, and nothing got worse than before"),
        (
            samples.document(samples.result("dashboard.concurrent", baseline=False)),
            "the one scenario met its targets",
        ),
        (
            samples.document(samples.improved()),
            "all targets met, and sessions.concurrent p50 10.8 ms, baseline 15.8 ms (-32 %)",
        ),
        (samples.bad_run(), "dashboard.sustained p95 3.10 s, target < 2.00 s, and 2 more"),
        (
            samples.document(samples.saturated(), samples.not_measured()),
            "config_get.concurrent: the load generator used 98% of a core (limit 90%): it was saturated, so the times "
            "are its own and not the target's; lower the load; and 1 more invalid",
        ),
        (
            samples.document(
                *(samples.not_measured().model_copy(update={"scenario": name}) for name in ("a.one", "b.two"))
            ),
            "no scenario could be measured: not measured: http://127.0.0.1:8000 refuses connections; start the API, "
            "then run it again",
        ),
        (samples.document(samples.result("dashboard.concurrent", Verdict.FAIL)), "1 fail; no finding says why"),
    ],
)
def test_the_headline_is_the_reason_for_the_verdict(document: ResultsDocument, headline: str) -> None:
    assert words.headline(document) == headline


def test_a_run_without_scenarios_measured_nothing() -> None:
    empty = samples.document().model_copy(update={"scenarios": [], "verdict": Verdict.INVALID})
    empty = empty.model_copy(update={"run": empty.run.model_copy(update={"scenarios": []})})
    assert words.headline(empty) == "nothing was measured"
    assert "The run holds no scenario." in markdown.render(empty)


@pytest.mark.parametrize(
    ("results", "sentence"),
    [
        ([samples.result("dashboard.concurrent")], "Compared with the median of the nights before."),
        (
            [samples.result("dashboard.concurrent", baseline=False)],
            "There was no earlier night to compare with.",
        ),
        (
            [
                samples.result("dashboard.concurrent", Verdict.PASS, NEW),
                samples.result("sessions.filtered", Verdict.PASS, NEW),
            ],
            "Compared with the median of the nights before. Not judged by its past (3 more nights are needed): "
            "every scenario.",
        ),
        (
            [
                samples.result("dashboard.concurrent"),
                samples.result("config_put.sequential", Verdict.PASS, UNLIKE).model_copy(update={"comparisons": []}),
                samples.not_measured(),
            ],
            "Compared with the median of the nights before. Not judged by its past (its load is 5 s, not 10 s): "
            "config_put.sequential.",
        ),
    ],
)
def test_what_it_was_compared_with_is_told_exactly(results: list[object], sentence: str) -> None:
    assert words.compared(samples.document(*results)) == sentence  # type: ignore[arg-type]


def test_what_is_told_of_the_whole_run_is_told_once_and_other_notes_each() -> None:
    new = samples.result("dashboard.concurrent", Verdict.PASS, NEW, baseline=False)
    doubtful = samples.result("config_put.sequential", Verdict.PASS, SUSPECT)
    assert [note.sentence for note in words.notes(samples.document(new, doubtful))] == [SUSPECT.sentence]


@pytest.mark.parametrize("kind", list(FindingKind))
def test_every_kind_of_finding_has_its_words_and_place(kind: FindingKind) -> None:
    note = Finding(kind=FindingKind.NOTE, sentence="last")
    result = samples.result("dashboard.concurrent", Verdict.FAIL, note, Finding(kind=kind, sentence="first"))
    assert words.findings(result)[-1].finding.kind is FindingKind.NOTE
    assert words.KIND_WORD[kind]


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_a_word_and_a_shape_of_its_own(verdict: Verdict) -> None:
    assert words.WORD[verdict].lower() == verdict.value
    assert len(set(words.SYMBOL.values())) == len(Verdict)


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("p95 3.02 s, target < 2.00 s.", "p95 3.02 s, target < 2.00 s"),
        ("p95 3.02 s, target < 2 s", "p95 3.02 s, target < 2 s"),
        ("too slow", "too slow (p95: observed 3.02 s, limit 2.00 s)"),
    ],
)
def test_a_finding_always_names_what_was_observed_and_the_limit(sentence: str, told: str) -> None:
    finding = Finding(kind=FindingKind.TARGET, metric="p95_s", observed=3.02, limit=2.0, sentence=sentence)
    result = samples.result("dashboard.concurrent", Verdict.FAIL, finding)
    assert words.findings(result)[0].sentence == told


def test_plain_text_is_one_line_that_no_terminal_obeys() -> None:
    assert (
        words.plain("a\x1b[31m\r\nb\N{RIGHT-TO-LEFT OVERRIDE}c\u2028d \ud800 é µ")
        == "a [31m bc d \N{REPLACEMENT CHARACTER} é µ"
    )


def test_a_part_has_the_verdict_of_its_own_findings() -> None:
    rows = {row.name: row for row in table.scenario_rows(samples.part_missed())}
    assert rows["mixed.concurrent"].verdict is Verdict.FAIL
    assert rows["sessions"].verdict is Verdict.FAIL
    assert rows["dashboard"].verdict is None


def test_the_change_is_of_the_metric_that_regressed() -> None:
    finding = Finding(kind=FindingKind.REGRESSION, metric="p50_s", observed=2, limit=1, sentence="p50")
    (row,) = table.scenario_rows(samples.result("dashboard.concurrent", Verdict.REGRESSED, finding))
    assert row.change.endswith(" % p50")
    both = finding.model_copy(update={"metric": "p95_s"})
    (row,) = table.scenario_rows(samples.result("dashboard.concurrent", Verdict.REGRESSED, finding, both))
    assert row.change.endswith(" %")
    (row,) = table.scenario_rows(samples.result("dashboard.concurrent"))
    assert row.change.endswith(" %")


@pytest.mark.parametrize(
    ("requests", "untold"),
    [
        (1, "1 request can't tell a p99; it takes 368"),
        (367, "367 requests can't tell a p99; it takes 368"),
        (368, None),
        (0, None),
    ],
)
def test_a_p99_needs_enough_requests_to_be_told(requests: int, untold: str | None) -> None:
    tonight = samples.measured("dashboard.concurrent", times_s=[0.01] * requests)
    (row,) = table.scenario_rows(samples.result("dashboard.concurrent", measurements=tonight, baseline=False))
    assert row.untold("p99") == untold
    assert row.cell("p99").endswith(table.MARK) is (untold is not None)
    assert row.within("p99") == ("10.0 ms" if requests == 368 else "")


def test_a_missed_percentile_says_how_far_it_is_known() -> None:
    (p95,) = [finding for finding in words.findings(samples.missed_target()) if finding.finding.metric == "p95_s"]
    assert p95.confidence == "17 requests can't tell a p95; it takes 72"
    (regressed,) = words.findings(samples.regressed())
    assert regressed.confidence == f"{units.interval((0.0576, 0.121))} with 95 % confidence"
    assert [finding.confidence for finding in words.findings(samples.improved())] == [
        f"{units.interval((0.0103, 0.0114))} with 95 % confidence"
    ]
    assert [finding.confidence for finding in words.findings(samples.throttled())] == [""] * 4
    assert [finding.confidence for finding in words.findings(samples.part_missed())] == [""], "a mean is no percentile"


def test_a_percentile_that_cannot_be_told_is_noted_where_its_target_was_missed_and_else_only_on_the_page() -> None:
    note = samples.throttled().findings[2]
    assert note.sentence.startswith("not known: ")
    miss = Finding(kind=FindingKind.TARGET, metric="p95_s", observed=3.0, limit=2.0, sentence="p95 3 s")
    good = samples.result("config_put.sequential", Verdict.PASS, note)
    bad = samples.result("config_put.sequential", Verdict.FAIL, note, miss)
    assert ([each.finding for each in words.pressing(good)], [each.finding for each in words.telling(good)]) == (
        [],
        [note],
    )
    assert [each.finding for each in words.pressing(bad)] == [miss, note]
    assert words.notes(samples.document(good, bad)) == []


def test_a_throttled_scenario_says_so_once_and_first() -> None:
    document = samples.document(samples.throttled(), samples.result("dashboard.sustained"))
    assert words.headline(document) == "sessions.filtered: 40 requests throttled, target 0"
    kinds = [each.finding.kind for each in words.pressing(document.scenarios[0])]
    assert kinds == [FindingKind.TARGET, FindingKind.DIAGNOSIS]


def test_the_summary_has_verdict_table_findings_and_what_is_not_known() -> None:
    summary = markdown.render(samples.bad_run())
    lines = summary.splitlines()
    assert lines[0] == r"# FAIL: dashboard.sustained p95 3.10 s, target \< 2.00 s, and 2 more"
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines if line.startswith("|")]
    assert {len(row) for row in cells} == {len(table.COLUMNS)}
    assert len(cells) == 2 + 9 + 5
    assert cells[3][:2] == ["dashboard.sustained", "FAIL"]
    assert "- **mixed.concurrent (sessions)**: target missed: mean 1.62 s, target \\< 1.50 s" in lines
    assert any(line.startswith("- **websocket.broadcast**: not measured: ") for line in lines)
    assert "[index.html](index.html)" in lines[-1]
    p95 = table.rows(samples.bad_run())[0]
    assert cells[2][6] == f"{p95.time('p95')} ({p95.within('p95')})"
    assert "In brackets: where the true percentile lies with 95 % confidence." in lines
    (slowest,) = [line for line in lines if line.startswith("- **dashboard.sustained**: GET ")]
    exemplar = samples.missed_target().measurements[0].exemplars[0]
    assert f"request id {exemplar.request_id}" in slowest
    assert f"trace id {str(exemplar.traceparent).split('-')[1]}" in slowest


def test_markdown_and_html_from_outside_mean_nothing() -> None:
    evil = "<script>x</script> | [a](http://b) ![c](d) `e` **f** _g_ # h\n# heading"
    finding = Finding(kind=FindingKind.TARGET, sentence=evil)
    document = samples.document(samples.result("dashboard.concurrent", Verdict.FAIL, finding), target_version=evil)
    summary = markdown.render(document)
    assert not re.search(r"(?<!\\)(<|`|_g|g_|\[a|\[c)", summary)
    assert len([line for line in summary.splitlines() if line.startswith("# ")]) == 1
