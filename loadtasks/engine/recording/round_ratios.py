"""The rounds of a candidate compared with those of its reference, kept small: one number a round and metric."""

import math

from pydantic import BaseModel

from loadtasks.measurement.metrics import REFERENCE_METRICS
from loadtasks.measurement.model import Measurement, metric

_DIGITS = 7
"""Decimals of seconds: a tenth of a microsecond, as fine as targets report their phases."""


class RoundRatios(BaseModel):
    """The rounds of one scenario, or of one part of a mixed one, in the order in which they were driven."""

    part: str = ""
    candidate_first: list[bool] = []
    """For each round, whether the candidate was driven before the reference."""
    saturated: list[bool] = []
    """For each round, whether the generator was saturated, so that the round is not judged."""
    requests: list[int] = []
    """For each round, how many requests its times are of, on the side that has fewer."""
    starts: list[int] = []
    """For each round, the number of the start of both builds that it drove, from 0: they may be ended and started again
    between two rounds. Empty in rounds of earlier versions, which drove one start."""
    took_s: list[float] = []
    """For each round, the seconds that it took for both builds, with what is done between the two; empty in rounds of
    earlier versions."""
    log_ratios: dict[str, list[float | None]] = {}
    """By metric, for each round ln(candidate / reference); None where either has no such number."""
    phases_s: dict[str, list[tuple[float, float]]] = {}
    """By phase, for each round the seconds of a completed request, of the candidate and of the reference."""

    def add(
        self,
        candidate: Measurement,
        reference: Measurement,
        *,
        candidate_first: bool,
        took_s: float = 0.0,
        start: int = 0,
    ) -> None:
        """Add the next round."""
        self.candidate_first.append(candidate_first)
        self.starts.append(start)
        self.took_s.append(round(took_s, _DIGITS))
        self.saturated.append(bool(candidate.health.saturation or reference.health.saturation))
        self.requests.append(min(candidate.response.count, reference.response.count))
        for name in REFERENCE_METRICS:
            ratio = _log_ratio(_positive(candidate, name), _positive(reference, name))
            self.log_ratios.setdefault(name, []).append(ratio)
        for name in {*self.phases_s, *candidate.phases, *reference.phases}:
            earlier = self.phases_s.setdefault(name, [(0.0, 0.0)] * (len(self.saturated) - 1))
            earlier.append((_per_request_s(candidate, name), _per_request_s(reference, name)))

    def usable(self, name: str) -> list[float]:
        """The log ratios of a metric that can be judged."""
        return [ratio for ratios in self.usable_by_start(name) for ratio in ratios]

    def usable_by_start(self, name: str) -> list[list[float]]:
        """The log ratios of a metric that can be judged, by the start of both builds."""
        if name not in self.log_ratios:
            return []
        starts = self.starts or [0] * len(self.saturated)
        rounds = zip(starts, self.log_ratios[name], self.saturated, strict=True)
        by_start: dict[int, list[float]] = {}
        for start, ratio, saturated in rounds:
            if ratio is not None and not saturated:
                by_start.setdefault(start, []).append(ratio)
        return list(by_start.values())


def _per_request_s(measurement: Measurement, name: str) -> float:
    phase = measurement.phases.get(name)
    return round(phase.total_s / max(1, measurement.counts.completed), _DIGITS) if phase else 0.0


def _positive(measurement: Measurement, name: str) -> float | None:
    number = metric(measurement, name)
    if name == "success_rate" and number == 0:
        return 0.5 / measurement.counts.scheduled  # less than one success would be, and the ratio still has a logarithm
    return number


def _log_ratio(candidate: float | None, reference: float | None) -> float | None:
    return math.log(candidate / reference) if candidate and reference else None
