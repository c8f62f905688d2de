"""Sparklines: gaps, bands, targets, and that titles stay text."""

import re

from loadtasks.report.charts import sparkline
from loadtasks.report.charts.sparkline import SparklineBand
from loadtasks.report.charts.states import ChartState
from loadtasks.report.charts.targets import TargetLine
from tests.loadtasks.report.pages import parse


def _line(svg: str) -> str:
    return parse(svg).one("svg").all("path", stroke="var(--line-0)")[0].attributes["d"]


def test_a_gap_breaks_the_line_and_a_value_between_gaps_is_a_dot() -> None:
    line = _line(sparkline.svg([1, 2, None, 3, None, float("nan"), 2, 1], title=""))
    assert [piece.count("L") for piece in line.split("M")[1:]] == [1, 0, 1]
    assert line.split("M")[2].endswith("h0")


def test_higher_values_are_higher_and_noise_stays_flat() -> None:
    def heights(values: list[float]) -> list[float]:
        return [float(y) for y in re.findall(r",([\d.]+)", _line(sparkline.svg(values, title="")))]

    low, high = heights([1, 2])
    assert high < low
    assert low - high == 16
    quiet = heights([100, 100.5])
    assert quiet[0] - quiet[1] < 1.5


def _bands(values: list[float | None], *bands: tuple[int, int, float, float]) -> list[list[float]]:
    """Left, right, upper and lower end of each band in the drawing."""
    svg = parse(sparkline.svg(values, title="", bands=[SparklineBand(*band) for band in bands])).one("svg")
    found = [
        [float(rect.attributes[name]) for name in ("x", "y", "width", "height")]
        for rect in svg.all("rect", fill="var(--baseline)")
    ]
    return [[x, x + width, y, y + height] for x, y, width, height in found]


def test_bands_lie_behind_the_runs_that_they_are_the_baseline_of() -> None:
    values = [10.0, 20.0, 10.0, 10.0, 10.0]  # 20 px apart, the highest at 4 px and the lowest at 20
    assert _bands([*values], (0, 1, 10, 15), (2, 4, 10, 20)) == [[0, 34, 12, 20], [34, sparkline.WIDTH, 4, 20]]
    assert _bands([*values], (1, 3, 10, 20)) == [[14, 74, 4, 20]]
    (wide,) = _bands([*values], (0, 4, 0, 40))  # the line makes room for it
    assert wide == [0, sparkline.WIDTH, 4, 20]
    svg = sparkline.svg([1, 2], title="", bands=[SparklineBand(0, 1, 1, 2)])
    assert svg.index("<rect") < svg.index("<path")


def test_a_band_without_a_scale_can_be_seen_and_one_without_an_end_is_none() -> None:
    ((_, _, top, bottom),) = _bands([1.0, 1.0], (0, 1, 1.0, 1.0))
    assert bottom - top == 3
    assert (top + bottom) / 2 == 12
    assert _bands([1.0, 1.0], (0, 1, float("nan"), 1.0)) == []


def test_band_and_near_target_are_drawn_and_the_dot_has_the_colour_of_the_state() -> None:
    band = SparklineBand(0, 1, 9, 11)
    svg = parse(
        sparkline.svg([10, 12], title="", bands=[band], targets=[TargetLine(13)], state=ChartState.REGRESSED)
    ).one("svg")
    assert len(svg.all("rect", fill="var(--baseline)")) == 1
    assert len(svg.all("path", stroke="var(--limit)")) == 1
    assert svg.one("circle").attributes["fill"] == "var(--regressed)"
    far = parse(sparkline.svg([10, 12], title="", targets=[TargetLine(1000)])).one("svg")
    assert far.all("path", stroke="var(--limit)") == []
    assert far.one("circle").attributes["fill"] == "var(--line-0)"


def test_the_title_is_text() -> None:
    svg = parse(sparkline.svg([1], title="<script>alert(1)</script>{0}")).one("svg")
    assert svg.one("title").text == "<script>alert(1)</script>{0}"
    assert svg.all("script") == []


def test_without_a_value_there_is_nothing_to_see_and_no_error() -> None:
    for values in ([], [None, None]):
        svg = parse(sparkline.svg(values, title="p95", bands=[SparklineBand(0, 1, 1, 2)], targets=[TargetLine(3)])).one(
            "svg"
        )
        assert svg.all("circle") == svg.all("rect") == []


def test_blocks_stand_for_values_in_text() -> None:
    assert sparkline.blocks([1, 1.5, None, 2]) == "▁▅·█"
    assert sparkline.blocks([5, 5]) == "▅▅"
    assert sparkline.blocks([None, float("inf")]) == "··"
    assert sparkline.blocks([]) == ""
