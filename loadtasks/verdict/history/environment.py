"""What of a scenario's shift is the environment's: findings that blame nobody."""

import math
from collections.abc import Iterator

from loadtasks.measurement.metrics import METRICS, Unit
from loadtasks.measurement.model import Measurement, metric
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import EnvironmentChanged
from loadtasks.settings import Sensitivity
from loadtasks.verdict.history.comparison import BaselineComparison
from loadtasks.verdict.history.covariates import EnvironmentMove

_TAIL, _MEDIAN = "p95_s", "p50_s"
_FOLLOWS_THE_MEDIAN = ("throughput_per_s",)
"""Metrics that say the same as the median, where that moved, too."""


def environment_findings(
    measurement: Measurement, comparison: BaselineComparison, min_effect: float = Sensitivity.min_effect
) -> Iterator[Finding]:
    """The metrics of a measurement that moved with a control, each as a finding.

    Args:
        measurement: A scenario, or a part of it, in the run.
        comparison: What it was compared with.
        min_effect: The smallest relative change that is reported.
    """
    moves = {name: history.environment for name, history in comparison.metrics.items()}
    if comparison.own_move is not None:
        moves = {_MEDIAN: comparison.own_move}
    large = {
        name: move
        for name, move in moves.items()
        if move is not None and METRICS[name].unit is not Unit.SHARE and abs(move.size) >= math.log1p(min_effect)
    }
    for name, move in large.items():
        if name not in _FOLLOWS_THE_MEDIAN or _MEDIAN not in large:
            yield _finding(measurement, comparison, name, move)


def _finding(measurement: Measurement, comparison: BaselineComparison, name: str, move: EnvironmentMove) -> Finding:
    observed, ratio = metric(measurement, name), math.exp(move.size)
    started = (point.started_at for point in comparison.series.points if point.run_id == move.first_run)
    return Finding(
        code=FindingCode.ENVIRONMENT_CHANGED,
        part=measurement.part,
        metric=name,
        observed=observed,
        limit=observed / ratio if observed is not None else None,
        parameters=EnvironmentChanged(
            control=move.control,
            control_ratio=math.exp(move.control_size),
            ratio=ratio,
            relative_to_median=name == _TAIL,
            first_run=move.first_run,
            first_run_started_at=next(started, None),
        ),
    )
