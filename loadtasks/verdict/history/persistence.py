"""How long disturbances last: whether the repetitions of a run that is far off are far off as well.

Most disturbances pass before the next repetition. Where a machine is slow for as long as a run takes, they don't: then
four repetitions of one bad run prove little more than one. A baseline shows which of both it is by its runs that were
repeated. Each measurement far above the level that has another one after it is a trial, and that one is far off too or
is not; the trials of one run together count as one. The share that is, is the mean of a beta distribution's posterior;
the prior is what the series' peers show.

Only runs count that are followed by one back at the level: a shift that is still to be found would teach that it is a
disturbance.
"""

import numpy as np

from loadtasks.verdict.history.baselines import Baselines, Values
from loadtasks.verdict.history.estimates import Estimates
from loadtasks.verdict.history.peers import Peers

MIN_PERSISTENCE = 0.3
"""The probability before any trial is seen, and the least; the benchmark's runs have the same."""
_PRIOR_TRIALS = 1.0
"""How many trials that is worth to the peers, and how many what they show is worth to the series."""
_MAX_TAUGHT_TRIALS = 1.0
"""The most that one series teaches its peers: its machine may be its own."""
_FAR_SCALES, _BACK_SCALES = 2.5, 1.0
"""Scales above the level beyond which a measurement is far off, and up to which a run is back at the level."""


def persistence(baselines: Baselines, estimates: Estimates, peers: Peers) -> Values:
    """The probability that a repetition meets the disturbance of the one before it; shape: series.

    Args:
        baselines: The runs of all series.
        estimates: Their levels and scales.
        peers: Which series meet the same disturbances.
    """
    series, width = baselines.measured.shape
    rows, places = np.divmod(np.flatnonzero(baselines.measured > 1), width)
    repetitions = baselines.repetitions[rows, places]
    far = repetitions > (estimates.level + _FAR_SCALES * estimates.scale)[rows, None]
    trial = far[:, :-1] & ~np.isnan(repetitions[:, 1:])
    is_tried = trial.any(axis=1)
    if not is_tried.any():
        return np.full(series, MIN_PERSISTENCE)
    back = baselines.first_values <= (estimates.level + _BACK_SCALES * estimates.scale)[:, None]
    last_back = np.where(back.any(axis=1), width - 1 - back[:, ::-1].argmax(axis=1), -1)
    counted = is_tried & (places < last_back[rows])
    met_again = (trial & far[:, 1:]).sum(axis=1) / np.maximum(trial.sum(axis=1), 1)
    trials: Values = np.bincount(rows, counted, series).astype(np.float64)
    met: Values = np.bincount(rows, met_again * counted, series).astype(np.float64)
    taught = np.minimum(1.0, _MAX_TAUGHT_TRIALS / np.maximum(trials, 1.0))
    expected = _PRIOR_TRIALS * MIN_PERSISTENCE + peers.of_others(taught * met)
    expected /= _PRIOR_TRIALS + peers.of_others(taught * trials)
    share: Values = (_PRIOR_TRIALS * expected + met) / (_PRIOR_TRIALS + trials)
    return np.maximum(share, MIN_PERSISTENCE)
