"""How long disturbances last: whether the repetitions of a run that is far off are far off as well.

Most disturbances pass before the next repetition. Where a machine is slow for as long as a run takes, they don't: then
four repetitions of one bad run prove little more than one. A baseline shows which of both it is by its runs that were
repeated. Each measurement far above the level that has another one after it is a trial, and that one is far off too or
is not. The share that is, is the mean of a beta distribution's posterior; the prior is what the series' peers show.
"""

import numpy as np

from loadtasks.verdict.history.baselines import Baselines, Values
from loadtasks.verdict.history.estimates import Estimates
from loadtasks.verdict.history.peers import Peers

MIN_PERSISTENCE = 0.3
"""The probability before any trial is seen, and the least; the benchmark's runs have the same."""
_PRIOR_TRIALS = 2.0
"""How many trials that is worth to the peers, and how many what they show is worth to the series."""
_FAR_SCALES = 2.5
"""Scales above the level beyond which a measurement is far off."""


def persistence(baselines: Baselines, estimates: Estimates, peers: Peers) -> Values:
    """The probability that a repetition meets the disturbance of the one before it; shape: series.

    Args:
        baselines: The runs of all series. The newest one is not judged by itself.
        estimates: Their levels and scales.
        peers: Which series meet the same disturbances.
    """
    series = len(baselines.count)
    rows, places = np.divmod(np.flatnonzero(baselines.measured[:, :-1] > 1), baselines.measured.shape[1] - 1)
    repetitions = baselines.repetitions[rows, places]
    far = repetitions > (estimates.level + _FAR_SCALES * estimates.scale)[rows, None]
    trial = far[:, :-1] & ~np.isnan(repetitions[:, 1:])
    if not trial.any():
        return np.full(series, MIN_PERSISTENCE)
    trials: Values = np.bincount(rows, trial.sum(axis=1), series).astype(np.float64)
    met: Values = np.bincount(rows, (trial & far[:, 1:]).sum(axis=1), series).astype(np.float64)
    expected = (_PRIOR_TRIALS * MIN_PERSISTENCE + peers.of_others(met)) / (_PRIOR_TRIALS + peers.of_others(trials))
    share: Values = (_PRIOR_TRIALS * expected + met) / (_PRIOR_TRIALS + trials)
    return np.maximum(share, MIN_PERSISTENCE)
