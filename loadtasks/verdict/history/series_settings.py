"""How one series is judged, and how each metric of a service is."""

from dataclasses import dataclass

import numpy as np

from loadtasks.measurement.metrics import BASELINE_METRICS, METRICS, Unit
from loadtasks.settings import Sensitivity
from loadtasks.verdict.history.plausibility import PRIOR_SCALE


@dataclass(frozen=True)
class SeriesSettings:
    """How one series is judged; its values are logarithms, or whatever else adds up."""

    min_effect: float
    """The smallest change that is reported, in units of the values: 0.03 of logarithms is 3 %."""
    share: float
    """The series' share of the false-alarm budget; the shares of a family add up to 1."""
    worse_up: bool = True
    """Whether higher is worse (times) or better (throughput)."""
    prior_scale: float = PRIOR_SCALE
    """How much runs of one build plausibly differ before any was seen: a scale, in units of the values."""
    peers: int | None = None
    """A number that all series have which meet the same environment; None where there is no other."""


def series_settings(
    name: str, scenarios: int, sensitivity: Sensitivity, prior_scale: float, is_part: bool = False
) -> SeriesSettings:
    """How one metric is judged in a family of so many scenarios and parts.

    A part has no peers: it is measured by the requests of its scenario, and would only repeat what that shows.
    """
    metric, rule = METRICS[name], BASELINE_METRICS[name]
    min_effect = max(rule.min_effect or 0.0, sensitivity.min_effect)
    return SeriesSettings(
        min_effect=min_effect if metric.unit is Unit.SHARE else float(np.log1p(min_effect)),
        share=rule.weight / scenarios,
        worse_up=not metric.higher_is_better,
        prior_scale=prior_scale,
        peers=None if is_part else list(BASELINE_METRICS).index(name),
    )
