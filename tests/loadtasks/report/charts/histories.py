"""Histories made up for the tests of charts: forty runs, of which the last ten are slower."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from loadtasks.report.charts.history import BaselineBand, ChangeMark, HistoryChart, HistoryPoint
from loadtasks.report.charts.phase_stack import PhaseChart, RunPhases
from loadtasks.report.charts.states import ChartState
from loadtasks.report.charts.targets import TargetLine

EVIL = "<img src=x onerror=alert(1)>"
RUNS = 40
SLOWER_SINCE = 30
_BEGINS = datetime(2026, 10, 1, 2, tzinfo=UTC)


def run_id(number: int) -> str:
    """The id of a run."""
    return f"run-{number:02d}"


def started_at(number: int) -> datetime:
    """When a run started: daily, but for the third and fourth, of one day."""
    return _BEGINS + timedelta(hours=24 * number - (12 if number == 3 else 0))


def history(**changes: Any) -> HistoryChart:
    """One of everything that the chart of a metric over runs can show."""
    points = [
        HistoryPoint(
            run_id=run_id(number),
            started_at=started_at(number),
            value=value,
            low=value * 0.96,
            high=value * 1.05,
            state=ChartState.REGRESSED if number >= SLOWER_SINCE else ChartState.PASS,
            version=f"v2.{number // 16}",
            href=f"/performance/runs/{run_id(number)}",
            repetitions=(value, value * 1.02) if number >= SLOWER_SINCE else (),
            details=(("p50", "121 ms"),),
        )
        for number in range(RUNS)
        for value in [(0.250 if number >= SLOWER_SINCE else 0.180) + 0.001 * (number * 7 % 5)]
    ]
    points[5] = replace(points[5], value=None, state=ChartState.INVALID, details=((EVIL, EVIL),))
    points[8] = replace(points[8], value=0.31, state=ChartState.INVALID)
    points[11] = replace(points[11], environment_changed=True)
    chart = HistoryChart(
        title=f"p95 of shop / {EVIL}",
        metric="p95_s",
        points=points,
        baselines=[BaselineBand(run_id(0), run_id(29), level=0.182, low=0.178, high=0.186)],
        targets=[TargetLine(0.3, "target p95"), TargetLine(2.0, "target p95")],
        changes=[
            ChangeMark(run_id(30), worse=True, earliest_run=run_id(29), latest_run=run_id(31), label=f"+38 % {EVIL}"),
            ChangeMark("run of another page", worse=False),
        ],
    )
    return replace(chart, **changes)


def phases(**changes: Any) -> PhaseChart:
    """Eight phases of which the database is slower in the last runs; one run measured none."""
    names = ("connect", "waiting", "database", "cache", "own code", EVIL, "body", "rest")
    runs = [
        RunPhases(
            run_id=run_id(number),
            started_at=started_at(number),
            mean_s={}
            if number == 5
            else {
                name: 0.001 * (index + 1) + (0.05 if name == "database" and number >= SLOWER_SINCE else 0)
                for index, name in enumerate(names)
            },
        )
        for number in range(RUNS)
    ]
    chart = PhaseChart(
        title="Phases of shop / dashboard.sustained",
        runs=runs,
        order=("connect", "waiting", "cache", "database"),
        baseline_s={"database": 0.003},
    )
    return replace(chart, **changes)
