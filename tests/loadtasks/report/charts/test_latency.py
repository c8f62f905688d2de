"""The latency distribution in the report: which lines, and what is drawn of them and of the limits."""

import re
from pathlib import Path

import pytest

from loadtasks.report.charts import latency
from loadtasks.results.document import ScenarioResult
from loadtasks.results.judgement import MetricComparison, Verdict
from tests.loadtasks.report import samples
from tests.loadtasks.report.pages import Element, parse
from tests.measurements import measurement
from tests.snapshots import check_snapshot

SNAPSHOTS = Path(__file__).parent / "snapshots"


def _svg(result: ScenarioResult) -> Element:
    return parse(latency.latency_svgs([result])[result.scenario]).one("svg")


def _texts(result: ScenarioResult) -> list[str]:
    return [text.text for text in _svg(result).all("text")]


def _heights(svg: Element, names: list[str]) -> list[float]:
    """The y coordinates of texts, from the top."""
    found = [text.attributes["transform"] for text in svg.all("text") if text.text in names]
    return sorted(float(transform.partition(",")[2].rstrip(")")) for transform in found)


@pytest.mark.parametrize("name", ["dashboard.concurrent", "mixed.concurrent"])
def test_the_same_run_is_drawn_in_the_same_bytes(name: str) -> None:
    svg = latency.latency_svgs([samples.result(name)])[name]
    check_snapshot(SNAPSHOTS / f"{name}.svg", svg.replace("><", ">\n<") + "\n")


def test_a_run_and_its_baseline_differ_by_more_than_colour() -> None:
    svg = _svg(samples.result("dashboard.concurrent"))
    texts = [text.text for text in svg.all("text")]
    assert "── this run (100 requests)" in texts
    assert "─ ─ baseline (100 requests)" in texts
    assert {"5,4"} <= {path.attributes.get("stroke-dasharray") for path in svg.all("path")}


def test_a_baseline_that_was_not_comparable_is_not_drawn() -> None:
    result = samples.result("dashboard.concurrent").model_copy(update={"comparisons": []})
    assert result.baseline
    assert not [text for text in _texts(result) if "baseline" in text]


def test_parts_with_a_comparison_alone_get_a_baseline() -> None:
    result = samples.result("mixed.concurrent")
    kept: list[MetricComparison] = [comparison for comparison in result.comparisons if comparison.part == "sessions"]
    chart = latency.latency_chart(result.model_copy(update={"comparisons": kept}))
    assert chart is not None
    assert sum(line.is_baseline for line in chart.lines) == 1


def test_a_mixed_scenario_has_one_named_line_a_part_in_a_colour_of_its_own() -> None:
    svg = _svg(samples.result("mixed.concurrent"))
    texts = [text.text for text in svg.all("text")]
    assert [part for part in samples.PARTS if part not in texts] == []
    strokes = " ".join(path.attributes.get("stroke", "") for path in svg.all("path"))
    assert {f"--line-{number}" for number in range(5)} <= set(re.findall(r"var\((--line-\d)\)", strokes))


def test_labels_of_lines_that_end_together_do_not_overlap() -> None:
    whole, *parts = samples.measured("mixed.concurrent")
    together = [part.model_copy(update={"response": parts[0].response}) for part in parts]
    svg = _svg(samples.result("mixed.concurrent", measurements=[whole, *together], baseline=False))
    heights = _heights(svg, list(samples.PARTS))
    assert len(heights) == len(samples.PARTS)
    assert all(later - earlier > 12 for earlier, later in zip(heights, heights[1:], strict=False))  # noqa: RUF007


def test_a_missed_limit_is_drawn_and_one_far_above_is_stated() -> None:
    near = samples.missed_target()
    assert "target p95 2.00 s" in _texts(near)
    assert latency.far_limits(near) == []
    far = samples.part_missed()
    assert not [text for text in _texts(far) if "target" in text]
    assert [far_limit.limit for far_limit in latency.far_limits(far)] == [1.5]


def test_limits_that_are_no_times_are_not_drawn() -> None:
    finding = samples.missed("throughput_per_s", 1, 0.01)
    chart = latency.latency_chart(samples.result("dashboard.concurrent", Verdict.FAIL, finding))
    assert chart is not None
    assert chart.targets == []


def test_nothing_timed_draws_nothing() -> None:
    untimed = [measurement(times_s=[], failed=3)]
    results = [samples.not_measured(), samples.result("dashboard.concurrent", measurements=untimed)]
    assert latency.latency_svgs(results) == {}


def test_a_chart_brings_no_style_sheet_font_identifier_or_colour_of_its_own() -> None:
    drawn = latency.latency_svgs([samples.missed_target()])["dashboard.sustained"]
    svg = parse(drawn).one("svg")
    assert svg.all("style") == []
    assert [element for element in svg.everything() if "id" in element.attributes] == []
    assert set(re.findall(r'font-family="([^"]*)"', drawn)) == {"inherit"}
    assert set(re.findall(r'(?:fill|stroke)="(?!var\(--)([^"]*)"', drawn)) <= {"none", "transparent"}
    assert len(drawn) < 20_000


def test_an_invalid_measurement_is_said_to_be_one() -> None:
    assert "(invalid)" in _svg(samples.saturated()).attributes["aria-label"]
