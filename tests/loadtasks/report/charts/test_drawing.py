"""Drawing by a process of its own, which may end; and that specifications are what the grammar allows."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import altair
import pytest

from loadtasks.report.charts import distribution, drawing, mail_trend, phase_stack, run_history
from loadtasks.report.charts.distribution import Distribution, DistributionChart
from loadtasks.report.charts.theme import MAIL, Specification
from tests.loadtasks.report.charts.histories import EVIL, history, phases
from tests.measurements import measurement

_POINT: Specification = {
    "data": {"values": [{"text": EVIL}]},
    "mark": "text",
    "encoding": {"text": {"field": "text"}},
}


def _distribution() -> DistributionChart:
    times = measurement(times_s=[0.01, 0.02]).response
    return DistributionChart(EVIL, [Distribution("baseline", times, is_baseline=True), Distribution(EVIL, times)])


def _short_history() -> Specification:
    chart = history()
    return run_history.specification(replace(chart, points=chart.points[4:12]))


def _short_phases() -> Specification:
    return phase_stack.specification(phases(runs=phases().runs[4:8]))


@pytest.mark.parametrize(
    "specification",
    [
        pytest.param(distribution.specification(_distribution()), id="distribution"),
        pytest.param(distribution.specification(_distribution(), interactive=True), id="distribution of a page"),
        pytest.param(_short_history(), id="history"),
        pytest.param(run_history.still_specification(history(), MAIL, 560, 170), id="trend"),
        pytest.param(_short_phases(), id="phases"),
    ],
)
@pytest.mark.skipif(not altair.SCHEMA_VERSION.startswith("v6"), reason="an older altair knows another grammar")
def test_specifications_are_what_vega_lite_allows(specification: Specification) -> None:
    altair.LayerChart.from_dict(specification, validate=True)


def test_charts_are_drawn_elsewhere_and_one_that_is_none_harms_no_other(
    charts_in_this_process: Callable[..., list[str | None]],
) -> None:
    wrong, right = charts_in_this_process("svg", [{"mark": 7}, _POINT])
    assert wrong is None
    assert right is not None
    assert right.startswith("<svg")
    assert "<img" not in right


def test_where_the_engine_ends_its_process_only_what_was_drawn_before_is_there(
    charts_in_this_process: Callable[..., list[str | None]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    process = tmp_path / "process.py"
    process.write_text("import os; print('\"<svg>\"', flush=True); print('\"<sv', end='', flush=True); os.abort()")
    monkeypatch.setattr(drawing, "_PROCESS", str(process))
    assert charts_in_this_process("svg", [_POINT] * 3) == ["<svg>", None, None]
    assert charts_in_this_process("svg", []) == []


def test_the_name_is_text() -> None:
    (svg,) = drawing.svgs([(_POINT, f'"{EVIL}\n')])
    assert svg is not None
    assert svg.startswith("<svg viewBox=")
    assert "<img" not in svg


def test_a_trend_is_a_picture_of_twice_its_size() -> None:
    picture = mail_trend.png(history())
    assert picture is not None
    assert picture.startswith(b"\x89PNG")
    assert [int.from_bytes(picture[at : at + 4]) for at in (16, 20)] == [2 * mail_trend.WIDTH, 2 * mail_trend.HEIGHT]
    assert len(picture) < 150_000
    assert picture == mail_trend.png(history())


def test_specifications_are_json() -> None:
    json.dumps([_short_history(), _short_phases()], allow_nan=False)
