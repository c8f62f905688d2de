"""The phases of a typical round, so that rounds in which the machine stalled explain nothing."""

from collections.abc import Sequence

import numpy as np

from loadtasks.engine.recording.round_ratios import RoundRatios
from loadtasks.measurement.model import Measurement
from loadtasks.results.pairing import Pairing


def typical_round(measurements: Sequence[Measurement], pairing: Pairing) -> tuple[list[Measurement], list[Measurement]]:
    """The measurements of candidate and reference, their phases replaced by those of the median round.

    The candidate's phases are the reference's plus the median of what each round adds, since both sides of a round
    share its moment.
    """
    phases = [_phases_s(ratios) for ratios in pairing.round_ratios]
    candidate = [
        _with_phases(measurement, {name: seconds[0] for name, seconds in both.items()})
        for measurement, both in zip(measurements, phases, strict=True)
    ]
    reference = [
        _with_phases(measurement, {name: seconds[1] for name, seconds in both.items()})
        for measurement, both in zip(pairing.reference, phases, strict=True)
    ]
    return candidate, reference


def _phases_s(ratios: RoundRatios) -> dict[str, tuple[float, float]]:
    """Seconds per completed request of each phase, of the candidate and of the reference."""
    usable = ~np.array(ratios.saturated, dtype=bool)
    if not usable.any():
        return {}
    phases = {}
    for name, rounds in ratios.phases_s.items():
        candidate_s, reference_s = np.array(rounds)[usable].T
        median_s = float(np.median(reference_s))
        phases[name] = (max(0.0, median_s + float(np.median(candidate_s - reference_s))), median_s)
    return phases


def _with_phases(measurement: Measurement, phases_s: dict[str, float]) -> Measurement:
    completed = measurement.counts.completed
    phases = {
        name: phase.model_copy(update={"total_s": phases_s[name] * completed}) if name in phases_s else phase
        for name, phase in measurement.phases.items()
    }
    return measurement.model_copy(update={"phases": phases})
