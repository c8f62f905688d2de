"""What the phases of a typical round took, so that rounds in which the machine stalled explain nothing."""

from collections.abc import Sequence

import numpy as np

from loadtasks.engine.recording.round_ratios import RoundRatios
from loadtasks.measurement.model import Measurement
from loadtasks.results.pairing import Pairing


def typical(measurements: Sequence[Measurement], pairing: Pairing) -> tuple[list[Measurement], list[Measurement]]:
    """The measurements of candidate and reference, their phases as the median round has them.

    The candidate's are the reference's and the median of what each round adds: both sides of a round share its moment.
    """
    sides = [_phases_s(pair) for pair in pairing.round_ratios]
    return (
        [
            _with(each, {name: both[0] for name, both in of.items()})
            for each, of in zip(measurements, sides, strict=True)
        ],
        [
            _with(each, {name: both[1] for name, both in of.items()})
            for each, of in zip(pairing.reference, sides, strict=True)
        ],
    )


def _phases_s(pairs: RoundRatios) -> dict[str, tuple[float, float]]:
    """Seconds a completed request of each phase, of the candidate and of the reference."""
    usable = ~np.array(pairs.saturated, dtype=bool)
    if not usable.any():
        return {}
    phases = {}
    for name, rounds in pairs.phases_s.items():
        now_s, before_s = np.array(rounds)[usable].T
        reference_s = float(np.median(before_s))
        phases[name] = (max(0.0, reference_s + float(np.median(now_s - before_s))), reference_s)
    return phases


def _with(measurement: Measurement, phases_s: dict[str, float]) -> Measurement:
    completed = measurement.counts.completed
    phases = {
        name: phase.model_copy(update={"total_s": phases_s[name] * completed}) if name in phases_s else phase
        for name, phase in measurement.phases.items()
    }
    return measurement.model_copy(update={"phases": phases})
