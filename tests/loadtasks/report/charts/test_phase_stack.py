"""Phases stacked over runs: that they add up, and which have a colour."""

from loadtasks.report.charts import phase_stack
from loadtasks.report.charts.phase_stack import MAX_PHASES, OTHER
from tests.loadtasks.report.charts.histories import RUNS, phases


def test_the_shortest_phases_are_one() -> None:
    assert phases().phases == ["database", "own code", "<img src=x onerror=alert(1)>", "body", "rest", OTHER]
    assert len(phases().phases) == MAX_PHASES


def test_phases_stand_in_the_order_of_a_request() -> None:
    few = [phases().runs[0].__class__("run", phases().runs[0].started_at, {"own": 1.0, "cache": 2.0, "connect": 0.5})]
    assert phases(runs=few).phases == ["connect", "cache", "own"]


def test_the_areas_add_up_to_the_mean_of_each_run() -> None:
    chart = phases()
    layers = phase_stack.specification(chart)["layer"][1 : 1 + MAX_PHASES]
    for number, run in enumerate(chart.runs):
        tops = [
            row["high"] for layer in layers for row in layer["data"]["values"] if row["x"] == number and row["high"]
        ]
        if run.mean_s:
            assert abs(max(tops) - sum(run.mean_s.values())) < 1e-5
        else:
            assert tops == []


def test_the_tooltip_says_how_far_a_phase_is_from_its_baseline() -> None:
    rows = phase_stack.specification(phases())["usermeta"]["hover"]
    assert len(rows) == RUNS
    tip = dict(rows[-1]["tip"]["rows"])
    assert tip["database"] == "53.0 ms (+50.0 ms)"
    assert tip["own code"] == "5.00 ms"
    assert dict(rows[5]["tip"]["rows"])["mean in all"] == "–"  # noqa: RUF001


def test_the_description_names_the_phases_of_the_newest_run() -> None:
    assert phases().description.startswith(
        "Phases of shop / dashboard.sustained over 40 runs. Last run: database 53.0 ms,"
    )
    assert phases(runs=[]).description.endswith("no phases.")
