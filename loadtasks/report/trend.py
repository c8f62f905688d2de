"""The trend of a metric that a mail is about: as a picture, and in block characters for those who see none."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from loadtasks import units
from loadtasks.measurement.metrics import metric_label
from loadtasks.plain_text import plain
from loadtasks.report.charts import mail_trend, sparkline
from loadtasks.report.charts.history import BaselineBand, ChangeMark, HistoryChart, HistoryPoint
from loadtasks.report.charts.states import state_of
from loadtasks.report.sentences import phrases
from loadtasks.report.text import label
from loadtasks.results.findings.history import BaselineShift
from loadtasks.results.judgement import Verdict
from loadtasks.results.records import HistoryEntry
from loadtasks.results.topic import Topic

MAX_RUNS = 30
"""Runs that are shown, the newest ones."""
MAX_PICTURES = 2
"""In one mail: it is kept in the results database as it is sent."""
MAX_PICTURE_BYTES = 100_000
_MIN_RUNS = 3
"""Fewer runs show no trend."""
_MAD_TO_SCALE = 1.4826
"""The median absolute deviation of a normal distribution times this is its standard deviation."""


@dataclass(frozen=True)
class Trend:
    """A metric of a scenario, or of one part of it, over the last runs."""

    topic: Topic
    """What the mail says of it."""
    metric: str
    chart: HistoryChart

    @cached_property
    def picture(self) -> bytes | None:
        """The chart as PNG; None where it can't be drawn, or is too large for a mail."""
        drawn = mail_trend.png(self.chart)
        return drawn if drawn is not None and len(drawn) <= MAX_PICTURE_BYTES else None

    @property
    def caption(self) -> str:
        """What is shown: `p95 of orders.list in 30 runs, 25 Oct to 24 Nov: 42.9 ms to 62.1 ms, last 62.1 ms`."""
        points, values = self.chart.points, self.chart.values
        lowest, highest, last = (units.value(self.metric, one) for one in (min(values), max(values), values[-1]))
        first, newest = phrases.day(points[0].started_at), phrases.day(points[-1].started_at)
        days = first if first == newest else f"{first} to {newest}"
        of = label(self.topic.scenario, self.topic.part)
        runs = f"{metric_label(self.metric)} of {of} in {units.plural(len(points), 'run')}, {days}"
        return f"{runs}: {lowest} to {highest}, last {last}"

    @property
    def blocks(self) -> str:
        """The same in block characters."""
        return sparkline.blocks([point.value for point in self.chart.points])


def make_trend(service: str, topic: Topic, metric: str, history: Sequence[HistoryEntry]) -> Trend | None:
    """The trend of a metric that a topic is about; None where too few runs have measured it.

    Args:
        service: The name of the service.
        topic: What a mail says: a regression, a creep, or what is worse than the reference.
        metric: Of which the topic has a finding.
        history: The runs of its scenario and part, newest first.
    """
    entries = list(history[:MAX_RUNS])[::-1]
    points = [
        HistoryPoint(
            run_id=entry.run_id,
            started_at=entry.started_at,
            value=entry.metrics.get(metric) if entry.verdict is not Verdict.INVALID else None,
            state=state_of(entry.verdict),
        )
        for entry in entries
    ]
    if sum(point.value is not None for point in points) < _MIN_RUNS:
        return None
    finding = next((one for one in topic.findings if one.metric == metric), topic.findings[0])
    shift = finding.parameters if isinstance(finding.parameters, BaselineShift) else None
    chart = HistoryChart(
        title=f"{metric_label(metric)} of {plain(service)} / {label(topic.scenario, topic.part)}",
        metric=metric,
        points=points,
        baselines=_band(points, finding.limit, shift.first_run) if shift is not None else (),
        changes=[ChangeMark(shift.first_run, worse=True, label=units.change(shift.ratio))] if shift is not None else (),
        versions=False,
    )
    return Trend(topic, metric, chart)


def _band(points: Sequence[HistoryPoint], level: float | None, first_run: str) -> list[BaselineBand]:
    """The baseline: its level, and how far the runs before the change strayed from it."""
    if level is None:
        return []
    ids = [point.run_id for point in points]
    before = points[: ids.index(first_run)] if first_run in ids else points[:0]
    strayed = [abs(point.value - level) for point in before if point.value is not None]
    scale = _MAD_TO_SCALE * median(strayed) if strayed else 0.0
    return [BaselineBand(ids[0], ids[-1], level, level - scale, level + scale)]
