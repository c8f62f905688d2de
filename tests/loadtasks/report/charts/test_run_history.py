"""The chart of a metric over runs: what is marked where."""

from dataclasses import replace
from typing import Any

import pytest

from loadtasks.report.charts import drawing, run_history
from loadtasks.report.charts.history import HistoryChart
from loadtasks.report.charts.interaction import FIRST, LAST
from loadtasks.report.charts.states import ChartState
from loadtasks.report.charts.theme import PAGE
from tests.loadtasks.report.charts.histories import EVIL, RUNS, history, run_id


def _layers(chart: HistoryChart, **mark: object) -> list[dict[str, Any]]:
    """The layers whose mark has these properties."""
    layers: list[dict[str, Any]] = run_history.specification(chart)["layer"]
    return [layer for layer in layers if mark.items() <= layer["mark"].items()]


def _rows(chart: HistoryChart, **mark: object) -> list[dict[str, Any]]:
    (layer,) = _layers(chart, **mark)
    rows: list[dict[str, Any]] = layer["data"]["values"]
    return rows


def test_runs_stand_in_their_order_with_dates_as_labels() -> None:
    made = run_history.specification(history())
    assert [row["x"] for row in made["data"]["values"]] == list(range(RUNS))
    parameters = {parameter["name"]: parameter["value"] for parameter in made["params"]}
    assert (parameters[FIRST], parameters[LAST]) == (-0.5, RUNS - 0.5)
    assert len(parameters["times"]) == RUNS
    assert "timeFormat(times[datum.value]" in made["encoding"]["x"]["axis"]["labelExpr"]


def test_a_run_without_a_value_is_a_gap_and_an_invalid_one_no_part_of_the_line() -> None:
    made = run_history.specification(history())
    assert made["data"]["values"][5]["y"] is None
    (line,) = _layers(history(), type="line", strokeWidth=1.75)
    assert "datum.state !== 'INVALID' || datum.y === null" in str(line["transform"])


def test_nan_is_no_value() -> None:
    point = replace(history().points[0], value=float("nan"), low=float("-inf"), high=float("inf"))
    assert (point.value, point.low, point.high) == (None, None, None)


def test_a_point_tells_everything_about_its_run() -> None:
    row = run_history.specification(history())["usermeta"]["hover"][35]
    tip = dict(row["tip"]["rows"])
    assert tip["p95"] == "250 ms (95 % CI 240 ms to 262 ms)"
    assert tip["verdict"] == "▲ regressed"
    assert tip["p50"] == "121 ms"
    assert tip["repetitions"] == "250 ms, 255 ms"
    assert tip["version"] == "v2.2"
    assert tip["run"] == run_id(35)
    assert tip["date"] == {"time": 1793844000000}
    assert row["href"] == "/performance/runs/run-35"


def test_a_verdict_has_a_shape_and_a_colour() -> None:
    (marks, *_) = [layer for layer in _layers(history()) if "shape" in layer.get("encoding", {})]
    scales = {channel: marks["encoding"][channel]["scale"] for channel in ("shape", "stroke", "fill")}
    assert scales["shape"]["domain"] == ["REGRESSED", "INVALID"]
    assert scales["shape"]["range"] == [state.path for state in (ChartState.REGRESSED, ChartState.INVALID)]
    assert len(set(scales["stroke"]["range"])) == 2
    assert len({state.path for state in ChartState}) >= len(ChartState) - 1  # suspected is regressed, hollow


def test_the_runs_that_pass_are_dots_of_one_element_however_many_they_are() -> None:
    def elements(runs: int) -> int:
        passed = [replace(history().points[0], run_id=run_id(number)) for number in range(runs)]
        chart = history(points=[*passed, *history().points[-1:]], changes=[], versions=False)
        (drawn,) = drawing.draw("svg", [run_history.specification(chart) | {"width": 800}])
        return (drawn or "").count("<path")

    assert 5 < elements(400) == elements(40)


def test_versions_are_marked_where_they_change() -> None:
    rules = _rows(history(), type="rule", strokeDash=[1, 3])
    assert [(rule["x"], rule["next"], rule["text"]) for rule in rules] == [(15.5, 31.5, "v2.1"), (31.5, 39.5, "v2.2")]
    assert _layers(history(versions=False), type="rule", strokeDash=[1, 3]) == []


def test_a_change_point_has_its_interval_and_one_of_another_page_is_left_out() -> None:
    (interval,) = _rows(history(), type="rect", color=PAGE.regressed)
    assert (interval["from"], interval["x"], interval["to"]) == (28.5, 29.5, 31.5)
    assert _layers(history(), type="rect", color=PAGE.improved) == []


def test_a_band_of_which_only_an_end_is_on_the_page_is_cut_and_one_elsewhere_left_out() -> None:
    (band,) = history().baselines
    for first, last, found in (("gone", run_id(29), [(-0.5, 29.5)]), (run_id(30), "gone", [(29.5, 39.5)])):
        rows = _rows(
            history(baselines=[replace(band, first_run=first, last_run=last)]), type="rect", color=PAGE.baseline
        )
        assert [(row["from"], row["to"]) for row in rows] == found
    elsewhere = history(baselines=[replace(band, first_run="gone", last_run="too")])
    assert _layers(elsewhere, type="rect", color=PAGE.baseline) == []


def test_a_far_target_is_left_to_the_caller() -> None:
    chart = history()
    assert [target.value for target in chart.far_targets] == [2.0]
    texts = str(_layers(chart, type="text", color=PAGE.limit))
    assert "target p95 300 ms" in texts
    assert "2.00 s" not in texts


def test_an_interval_far_beyond_the_values_does_not_stretch_the_axis() -> None:
    chart = history()
    points = [*chart.points[:-1], replace(chart.points[-1], high=60.0)]
    rows = _rows(replace(chart, points=points), type="line", opacity=0.35)
    assert 0.3 < max(row["y"] for row in rows if row["y"] is not None) < 0.5


@pytest.mark.parametrize(("low", "high", "logarithmic"), [(0.18, 0.3, False), (0.01, 0.5, True)])
def test_the_axis_is_logarithmic_where_times_differ_much(low: float, high: float, logarithmic: bool) -> None:
    points = [replace(history().points[0], value=value) for value in (low, high)]
    scale = run_history.specification(HistoryChart("", "p95_s", points))["encoding"]["y"]["scale"]
    assert (scale.get("type") == "log") == logarithmic


def test_the_description_says_what_is_seen() -> None:
    assert history().description == (
        f"p95 of shop / {EVIL} over 40 runs, 1 Oct 2026 to 9 Nov 2026: 180 ms to 310 ms, last 253 ms. "
        f"Worse since run run-30 (+38 % {EVIL}). Better since run run of another page."
    )
    assert HistoryChart("p95", "p95_s", []).description == "p95: no values."
