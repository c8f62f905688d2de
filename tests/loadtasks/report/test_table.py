"""The table's rows and cells."""

import pytest

from loadtasks.report import table
from loadtasks.report.percentiles import MARK
from loadtasks.results.judgement import Verdict
from tests.loadtasks.report import samples


def test_a_part_has_the_verdict_of_its_own_findings() -> None:
    rows = {row.name: row for row in table.scenario_rows(samples.part_missed())}
    assert rows["mixed.concurrent"].verdict is Verdict.FAIL
    assert rows["sessions"].verdict is Verdict.FAIL
    assert rows["dashboard"].verdict is None


def test_the_change_is_of_the_metric_that_regressed() -> None:
    finding = samples.worse("p50_s", 1.5, 1)
    (row,) = table.scenario_rows(samples.result("dashboard.concurrent", Verdict.REGRESSED, finding))
    assert row.change == "+50 % p50", "the finding claims it, whatever the comparison of this run says"
    both = finding.model_copy(update={"metric": "p95_s"})
    (row,) = table.scenario_rows(samples.result("dashboard.concurrent", Verdict.REGRESSED, finding, both))
    assert (row.change, row.emphasis) == ("+50 %", "moved")
    (row,) = table.scenario_rows(samples.result("dashboard.concurrent"))
    assert row.change.endswith(" %")
    assert row.emphasis == "noise"


@pytest.mark.parametrize(("requests", "indicative"), [(1, True), (367, True), (368, False), (0, False)])
def test_a_p99_from_few_requests_is_marked_as_indicative(requests: int, indicative: bool) -> None:
    measurements = samples.measured("dashboard.concurrent", times_s=[0.01] * requests)
    (row,) = table.scenario_rows(samples.result("dashboard.concurrent", measurements=measurements, baseline=False))
    assert bool(row.indicative("p99_s")) is indicative
    assert row.cell("p99_s").endswith(MARK) is indicative
    assert row.interval("p99_s") == ("10.0 ms" if requests == 368 else "")
    assert table.has_marks([row]) is (0 < requests < 368)
