"""Distributions by percentile: how far the axis goes, and that lines pass through the percentiles."""

import math
from typing import Any

import pytest

from loadtasks.report.charts import distribution
from loadtasks.report.charts.distribution import Distribution, DistributionChart
from loadtasks.report.charts.targets import TargetLine
from tests.loadtasks.report import samples
from tests.measurements import measurement


def _line(times_s: list[float], **content: Any) -> Distribution:
    return Distribution("this run", measurement(times_s=times_s).response, **content)


def _sustained() -> Distribution:
    (measured,) = samples.measured("dashboard.sustained")
    return Distribution("this run", measured.response)


def _labels(chart: DistributionChart) -> list[str]:
    """The labels of the x axis that end a percentile, as the expression makes them."""
    ticks = distribution.specification(chart)["encoding"]["x"]["axis"]["values"]
    return [f"{100 - 100 * 10**-tick:.6g} %" for tick in ticks[1:-1]]


@pytest.mark.parametrize(
    ("requests", "last"),
    [(1, "50 %"), (20, "95 %"), (100, "99 %"), (999, "99 %"), (1000, "99.9 %"), (10_000, "99.99 %")],
)
def test_the_axis_goes_as_far_as_the_requests_support(requests: int, last: str) -> None:
    times = [0.01 + 0.0001 * (number % 97) for number in range(requests)]
    assert _labels(DistributionChart("", [_line(times)]))[-1] == last


def test_the_baseline_goes_no_further_than_the_run() -> None:
    few = _line([0.01] * 15 + [0.02] * 5)
    baseline = Distribution("baseline", _sustained().histogram, is_baseline=True)
    assert _labels(DistributionChart("", [baseline, few]))[-1] == "95 %"


def test_the_line_passes_through_the_percentiles_of_the_histogram() -> None:
    (measured,) = samples.measured("dashboard.concurrent")
    line = Distribution("this run", measured.response)
    xs, ys = line.points(line.end)
    assert xs == sorted(xs)
    assert ys == sorted(ys)
    for x, y in zip(xs[1:], ys[1:], strict=True):
        assert y == pytest.approx(measured.response.quantile_s(1 - 10**-x), rel=1e-9)
    assert xs[-1] == pytest.approx(2)
    assert ys[-1] == measured.metrics["p99_s"]


def test_a_long_run_is_thinned_without_moving_its_percentiles() -> None:
    line = _sustained()
    xs, ys = line.points(line.end)
    assert len(xs) < 260
    for q in (0.5, 0.9, 0.99):
        x = -math.log10(1 - q)
        after = next(index for index, position in enumerate(xs) if position >= x)
        exact = line.histogram.quantile_s(q)
        assert exact is not None
        assert ys[after - 1] <= exact <= ys[after] * 1.001


def test_lines_without_a_request_are_left_out() -> None:
    chart = DistributionChart("Times", [_line([]), _line([0.01, 0.02])])
    assert len(chart.drawn) == 1
    assert chart.description == "Times. this run: median 10.0 ms, p95 20.0 ms, max 20.0 ms."


def test_several_baselines_and_runs_have_colours_by_their_place_unless_they_are_given() -> None:
    lines = [_line([0.01], is_baseline=True), _line([0.01]), _line([0.02]), _line([0.02], is_baseline=True, colour=1)]
    assert distribution.colours(lines) == ["var(--baseline)", "var(--line-0)", "var(--line-1)", "var(--line-1)"]


def test_a_pointer_reads_the_time_of_every_line_at_a_percentile_and_the_slowest() -> None:
    chart = DistributionChart("", [_line([0.01] * 99 + [0.5], is_baseline=True), _line([0.02] * 100)])
    hovered = distribution.specification(chart, interactive=True)["usermeta"]["hover"]
    tips = [dict(row["tip"]["rows"]) for row in hovered]
    assert {"p0", "p50", "p90", "p95", "p99", "max"} <= {tip["percentile"] for tip in tips}
    assert hovered[-1]["tip"]["rows"] == [["percentile", "max"], ["this run", "20.0 ms"], ["this run", "500 ms"]]


def test_a_target_far_above_is_left_to_the_caller() -> None:
    near, far = TargetLine(0.03), TargetLine(3)
    chart = DistributionChart("", [_line([0.01, 0.02])], [near, far])
    assert chart.far_targets == [far]
    assert "3.00 s" not in str(distribution.specification(chart)["layer"])
    assert "target 30.0 ms" in str(distribution.specification(chart)["layer"])
