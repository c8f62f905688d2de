"""The plots: what is drawn, up to where, and that several stand in one page."""

import math
import re

import pytest

from loadtasks.report import plots
from loadtasks.results.document import ScenarioResult
from loadtasks.results.judgement import MetricComparison, Verdict
from tests.loadtasks.report import samples
from tests.loadtasks.report.pages import Element, parse
from tests.measurements import measurement


def _svg(result: ScenarioResult) -> Element:
    drawn = plots.latency(result)
    assert drawn is not None
    return parse(drawn).one("svg")


def _texts(result: ScenarioResult) -> list[str]:
    return [text.text for text in _svg(result).all("text")]


@pytest.mark.parametrize(
    ("requests", "last"),
    [(1, "50 %"), (20, "95 %"), (100, "99 %"), (999, "99 %"), (1000, "99.9 %"), (10_000, "99.99 %")],
)
def test_the_axis_goes_as_far_as_the_requests_support(requests: int, last: str) -> None:
    times = [0.01 + 0.0001 * (number % 97) for number in range(requests)]
    result = samples.result("dashboard.concurrent", measurements=[measurement(times_s=times)], baseline=False)
    ticks = [text for text in _texts(result) if text.endswith(" %")]
    assert ticks[-1] == last
    assert "max" in _texts(result)


def test_the_line_passes_through_the_percentiles_of_the_histogram() -> None:
    (measured,) = samples.measured("dashboard.concurrent")
    (line,) = plots._lines(samples.result("dashboard.concurrent", measurements=[measured], baseline=False))
    xs, ys = line.points(line.end)
    assert xs == sorted(xs)
    assert ys == sorted(ys)
    for x, y in zip(xs[1:], ys[1:], strict=True):
        assert y == pytest.approx(measured.response.quantile_s(1 - 10**-x), rel=1e-9)
    assert xs[-1] == pytest.approx(2)
    assert ys[-1] == measured.metrics["p99_s"]


def test_a_long_run_is_thinned_without_moving_its_percentiles() -> None:
    (measured,) = samples.measured("dashboard.sustained")
    (line,) = plots._lines(samples.result("dashboard.sustained", measurements=[measured], baseline=False))
    xs, ys = line.points(line.end)
    assert len(xs) < 260
    for q in (0.5, 0.9, 0.99):
        x = -math.log10(1 - q)
        after = next(index for index, position in enumerate(xs) if position >= x)
        exact = measured.response.quantile_s(q)
        assert exact is not None
        assert ys[after - 1] <= exact <= ys[after] * 1.001


def test_a_run_and_its_baseline_differ_by_more_than_colour() -> None:
    svg = _svg(samples.result("dashboard.concurrent"))
    texts = [text.text for text in svg.all("text")]
    assert "── this run (100 requests)" in texts
    assert "─ ─ baseline (100 requests)" in texts
    assert any("stroke-dasharray" in path.attributes.get("style", "") for path in svg.all("path"))


def test_a_baseline_that_was_not_comparable_is_not_drawn() -> None:
    result = samples.result("dashboard.concurrent").model_copy(update={"comparisons": []})
    assert result.baseline
    assert not [text for text in _texts(result) if "baseline" in text]


def test_the_baseline_goes_no_further_than_the_run() -> None:
    measurements = samples.measured("dashboard.sustained", times_s=[0.01] * 15 + [0.02] * 5)
    result = samples.result("dashboard.sustained", measurements=measurements)
    assert result.baseline[0].response.count > 5000
    assert "99 %" not in _texts(result)


def test_a_mixed_scenario_has_one_named_line_a_part() -> None:
    svg = _svg(samples.result("mixed.concurrent"))
    texts = [text.text for text in svg.all("text")]
    assert [part for part in samples.PARTS if part not in texts] == []
    styles = " ".join(path.attributes.get("style", "") for path in svg.all("path"))
    assert {f"--line-{number}" for number in range(5)} <= set(re.findall(r"var\((--line-\d)\)", styles))


def test_labels_of_lines_that_end_together_do_not_overlap() -> None:
    whole, *parts = samples.measured("mixed.concurrent")
    together = [part.model_copy(update={"response": parts[0].response}) for part in parts]
    svg = _svg(samples.result("mixed.concurrent", measurements=[whole, *together], baseline=False))
    heights = sorted(float(text.attributes["y"]) for text in svg.all("text") if text.text in samples.PARTS)
    assert len(heights) == len(samples.PARTS)
    assert all(later - earlier > 12 for earlier, later in zip(heights, heights[1:], strict=False))  # noqa: RUF007
    assert heights[0] > 0
    assert heights[-1] < plots.HEIGHT


def test_a_missed_limit_is_drawn_and_one_far_above_is_stated() -> None:
    near = samples.missed_target()
    assert "target p95 2.00 s" in _texts(near)
    assert plots.far_limits(near) == []
    far = samples.part_missed()
    assert not [text for text in _texts(far) if "target" in text]
    assert [far_limit.limit for far_limit in plots.far_limits(far)] == [1.5]


def test_limits_that_are_no_times_are_not_drawn() -> None:
    finding = samples.missed("throughput_per_s", 1, 0.01)
    assert not [
        text for text in _texts(samples.result("dashboard.concurrent", Verdict.FAIL, finding)) if "target" in text
    ]


def test_nothing_timed_draws_nothing() -> None:
    assert plots.latency(samples.not_measured()) is None
    untimed = [measurement(times_s=[], failed=3)]
    assert plots.latency(samples.result("dashboard.concurrent", measurements=untimed)) is None


def test_the_same_time_throughout_is_drawn() -> None:
    result = samples.result("dashboard.concurrent", measurements=[measurement(times_s=[0.002] * 50)], baseline=False)
    assert "2 ms" in " ".join(_texts(result))


def test_times_over_decades_are_drawn_on_a_logarithmic_axis() -> None:
    times = [0.0005] * 60 + [0.02] * 30 + [3.0] * 10
    texts = _texts(samples.result("dashboard.concurrent", measurements=[measurement(times_s=times)], baseline=False))
    assert {"1 ms", "10 ms", "100 ms", "1 s"} <= set(texts)


def test_a_plot_brings_no_style_sheet_font_or_colour_of_its_own() -> None:
    drawn = plots.latency(samples.missed_target())
    assert drawn is not None
    svg = parse(drawn).one("svg")
    assert svg.all("style") == []
    assert "font-family" not in drawn
    assert re.findall(r"#[0-9a-f]{6}", drawn) == []
    assert len(drawn) < 20_000


def test_the_same_scenario_is_drawn_the_same_and_shares_no_id_with_another() -> None:
    one, again = (plots.latency(samples.result("dashboard.concurrent")) for _ in range(2))
    other = plots.latency(samples.result("sessions.concurrent"))
    assert one == again
    ids = [
        {element.attributes.get("id") for element in parse(drawn or "").everything()} - {None} for drawn in (one, other)
    ]
    assert ids[0]
    assert ids[0] & ids[1] == set()


def test_parts_with_a_comparison_alone_get_a_baseline() -> None:
    result = samples.result("mixed.concurrent")
    kept: list[MetricComparison] = [comparison for comparison in result.comparisons if comparison.part == "sessions"]
    lines = plots._lines(result.model_copy(update={"comparisons": kept}))
    assert sum(line.baseline for line in lines) == 1
