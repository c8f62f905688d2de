"""Distributions of response times by percentile, over each other."""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtasks.measurement.histogram import Histogram
from loadtasks.report.charts.history import TargetLine


@dataclass(frozen=True)
class Distribution:
    """One line: the response times of a measurement."""

    label: str
    """From outside perhaps (a part's name, a version): it is shown as text only."""
    histogram: Histogram
    is_baseline: bool = False
    """Drawn dashed, with a hollow dot, behind the others."""
    colour: int | None = None
    """Which of the `theme.LINES` colours; None for that of its place among the lines, or of the baseline."""


@dataclass(frozen=True)
class DistributionChart:
    """Distributions over each other: a run against its baseline, the parts of a mixed scenario, or several runs."""

    title: str
    """The accessible name."""
    lines: Sequence[Distribution]
    targets: Sequence[TargetLine] = ()
    """Limits in seconds; what `far_targets` returns isn't drawn."""
