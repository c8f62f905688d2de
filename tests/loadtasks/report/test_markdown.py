"""The summary in Markdown."""

import re

from loadtasks.report import markdown, table
from loadtasks.report.findings import findings_in_short, invalid_reasons
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.validity import FailureDetail
from loadtasks.results.judgement import Verdict
from tests.loadtasks.report import samples


def test_the_summary_has_verdict_table_findings_and_invalid_scenarios() -> None:
    document = samples.bad_run()
    summary = markdown.render(document)
    lines = summary.splitlines()
    assert lines[0].startswith(f"# FAIL, nightly performance of {document.run.service}: dashboard.sustained: ")
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines if line.startswith("|")]
    assert {len(row) for row in cells} == {len(table.COLUMNS)}
    assert len(cells) == 2 + 9 + 5
    assert cells[2][:2] == ["dashboard.sustained", "FAIL"]
    assert cells[2][6] == f"{table.rows(document)[0].value('p95_s')}\\*"
    first = table.rows(document)[1]
    assert cells[3][6] == f"{first.value('p95_s')} ({first.interval('p95_s')})"
    for result in document.scenarios:
        for rendered in findings_in_short(result):
            assert markdown.escape(rendered.sentence) in summary
    for reason in invalid_reasons(document).values():
        assert markdown.escape(reason) in summary
    assert "[index.html](index.html)" in lines[-1]
    (slowest,) = [line for line in lines if line.startswith("- **dashboard.sustained**: GET ")]
    exemplar = samples.missed_target().measurements[0].exemplars[0]
    assert f"request id {exemplar.request_id}" in slowest
    assert f"trace id {str(exemplar.traceparent).split('-')[1]}" in slowest


def test_a_run_without_scenarios_has_a_summary() -> None:
    empty = samples.document().model_copy(update={"scenarios": [], "verdict": Verdict.INVALID})
    empty = empty.model_copy(update={"run": empty.run.model_copy(update={"scenarios": []})})
    assert "|" not in markdown.render(empty)


def test_markdown_and_html_from_outside_mean_nothing() -> None:
    evil = "<script>x</script> | [a](http://b) ![c](d) `e` **f** _g_ # h\n# heading"
    finding = Finding(code=FindingCode.MEASUREMENT_FAILED, parameters=FailureDetail(detail=evil))
    document = samples.document(samples.result("dashboard.concurrent", Verdict.INVALID, finding), target_version=evil)
    summary = markdown.render(document)
    assert not re.search(r"(?<!\\)(<|`|_g|g_|\[a|\[c)", summary)
    assert len([line for line in summary.splitlines() if line.startswith("# ")]) == 1
