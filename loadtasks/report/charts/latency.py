"""The latency distribution of a scenario of a report: this run against its baseline, or the parts of a mixed one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from loadtasks.measurement.metrics import METRICS, Unit, metric_label
from loadtasks.plain_text import plain
from loadtasks.report.charts import distribution, drawing
from loadtasks.report.charts.distribution import Distribution, DistributionChart
from loadtasks.report.charts.targets import TargetLine
from loadtasks.results.document import ScenarioResult
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import Verdict

if TYPE_CHECKING:
    from markupsafe import Markup


def latency_chart(result: ScenarioResult) -> DistributionChart | None:
    """The distribution of a scenario; None when no time was recorded."""
    lines = _lines(result)
    if not lines:
        return None
    invalid = " (invalid)" if result.verdict is Verdict.INVALID else ""
    return DistributionChart(
        title=f"Response time by percentile of {result.scenario}{invalid}",
        lines=lines,
        targets=[_target(limit) for limit in _limits(result)],
    )


def latency_svgs(results: Sequence[ScenarioResult]) -> "dict[str, Markup]":
    """The charts of scenarios as `svg` elements to be written into a page, by the name of the scenario.

    One is missing when no time was recorded, or when it can't be drawn.
    """
    charts = {result.scenario: chart for result in results if (chart := latency_chart(result)) is not None}
    drawn = drawing.svgs([(distribution.specification(chart), chart.description) for chart in charts.values()])
    return {scenario: svg for scenario, svg in zip(charts, drawn, strict=True) if svg is not None}


def far_limits(result: ScenarioResult) -> list[Finding]:
    """The missed limits that the chart doesn't show, since they are far above every time."""
    chart = latency_chart(result)
    far = chart.far_targets if chart is not None else []
    return [limit for limit in _limits(result) if _target(limit) in far or chart is None]


def _lines(result: ScenarioResult) -> list[Distribution]:
    """Comparable baselines, then this run over them; the parts of a mixed scenario instead of its whole."""
    parts = [measurement for measurement in result.measurements if measurement.part] or result.measurements
    compared = {comparison.part for comparison in result.comparisons}
    before = {measurement.part: measurement for measurement in result.baseline if measurement.part in compared}
    this_run = [
        Distribution(plain(part.part) or "this run", part.response, colour=number)
        for number, part in enumerate(parts)
        if part.response.count
    ]
    if not this_run:
        return []
    baseline = [
        Distribution("baseline", earlier.response, is_baseline=True, colour=number if part.part else None)
        for number, part in enumerate(parts)
        if (earlier := before.get(part.part)) is not None and earlier.response.count
    ]
    return baseline + this_run


def _limits(result: ScenarioResult) -> list[Finding]:
    return [
        finding
        for finding in result.findings
        if finding.misses_target
        and finding.limit
        and finding.metric in METRICS
        and METRICS[finding.metric].unit is Unit.SECONDS
    ]


def _target(limit: Finding) -> TargetLine:
    part = f" ({plain(limit.part)})" if limit.part else ""
    return TargetLine(value=limit.limit or 0.0, label=f"target {metric_label(limit.metric)}{part}")
