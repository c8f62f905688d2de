"""The threshold of each series: by its share of the false-alarm budget, raised where its own past asks for more.

The log odds of a series that doesn't change have a tail that is nearly exponential, so that a threshold can be
extrapolated from peaks over a lower one (Pickands 1975, "Statistical inference using extreme order statistics"). The
peaks are the maxima of 24 runs each, since odds of neighbouring runs share their runs. Where `p` of the peaks exceed
`BASE`, by `s` in the mean, a threshold of `T` is exceeded in one of

    1 / (p * exp(-(T - BASE) / s))

of them. Series of the noise that the table of `false_alarm_budget` holds for have `p0` and `s0`. The threshold is the
`T` at which the series' own `p` and `s` give what `p0` and `s0` give at the table's threshold, and never less than that
one.

Where the repetitions of a run are alike, they clear no run that looks worse by chance, and a small budget takes a
higher threshold: by the intraclass correlation it lies between the two that the budget gives.

A dismissed alarm teaches: it raises the threshold of its series by a step, which decays.
"""

import numpy as np
from numpy.typing import NDArray

from loadtasks.verdict.history.baselines import Values
from loadtasks.verdict.history.dismissals import Dismissals

_BLOCK_RUNS = 24
_BASE = 4.0
_SHARE_ABOVE, _MEAN_EXCESS = 0.35, 0.7
"""p0 and s0: of the benchmark's simulated runs, when none is repeated."""
_PRIOR_BLOCKS = 8.0
"""How many blocks p0 and s0 are worth."""
_HALF_LIFE_BLOCKS = 10.0
_INDEPENDENT, _ALIKE = 0.45, 0.75
"""The intraclass correlations up to which repetitions count as evidence of their own, and from which on as none. Where
the true one is 0.3, nine in ten estimates of a young baseline are below the first; of repetitions that are equal but
for their requests, above the second."""
_DISMISSED_SHARE, _USUAL_THRESHOLD = 0.25, 2.7
"""The step of a dismissal, as a share of the threshold, but at most what that is above the second: with one false alarm
in a hundred runs, one says little of a series."""


class SeriesThresholds:
    """The thresholds of several series, in log odds."""

    def __init__(self, table: Values, table_alike: Values) -> None:
        """Begin without any run.

        Args:
            table: By the shares of the false-alarm budget, where repetitions are evidence; shape: series.
            table_alike: The same where the repetitions of a run are alike.
        """
        self._table, self._more_alike = table, table_alike - table
        series = len(table)
        self._runs = np.zeros(series, dtype=np.int64)
        self._peak, self._waiting = np.full(series, -np.inf), np.full(series, np.nan)
        self._blocks, self._above, self._excess = np.zeros(series), np.zeros(series), np.zeros(series)
        self._own = table.copy()
        self._dismissals = Dismissals(series)
        self._block_decay = 0.5 ** (1 / _HALF_LIFE_BLOCKS)

    def at(self, intraclass: Values) -> Values:
        """The threshold of each series, by the intraclass correlation of its repetitions; shape of both: series."""
        own = self._own
        if self._more_alike.any():  # not in a large family
            alike = np.minimum(np.maximum((intraclass - _INDEPENDENT) / (_ALIKE - _INDEPENDENT), 0.0), 1.0)
            own = np.maximum(own, self._table + alike * self._more_alike)
        return own + self._dismissals.raised

    @property
    def raised(self) -> Values:
        """How much of each threshold is left of dismissed alarms."""
        return self._dismissals.raised

    def begin_run(self, valid: NDArray[np.bool_]) -> None:
        """Let the steps of dismissals decay by one run, in the series that have a valid one."""
        self._dismissals.begin_run(valid)

    def learn(self, odds: Values, valid: NDArray[np.bool_]) -> None:
        """Learn from the odds of one more run.

        Args:
            odds: Log odds of a change, the larger of both directions; -inf where none is known. Shape: series.
            valid: Whether the run has a value; shape: series.
        """
        known = valid & np.isfinite(odds)
        self._peak = np.where(known, np.maximum(self._peak, odds), self._peak)
        self._runs += known
        ended = self._runs >= _BLOCK_RUNS
        if ended.any():
            self._end_blocks(np.flatnonzero(ended))

    def dismiss(self, row: int) -> None:
        """An alarm of this series was a false one."""
        threshold = float(self._table[row])
        self._dismissals.add(row, min(_DISMISSED_SHARE * threshold, max(threshold - _USUAL_THRESHOLD, 0.0)))

    def forget_newest(self, row: int) -> None:
        """The newest odds of a series show a change, and no noise."""
        self._waiting[row], self._peak[row], self._runs[row] = np.nan, -np.inf, 0

    def _end_blocks(self, rows: NDArray[np.int64]) -> None:
        """Count the peaks of the blocks before those that have ended: these may still turn out to be a change."""
        peaks = self._waiting[rows]
        counted, above = rows[~np.isnan(peaks)], peaks[~np.isnan(peaks)] - _BASE
        for total, addend in (
            (self._blocks, np.ones_like(above)),
            (self._above, (above > 0).astype(np.float64)),
            (self._excess, np.maximum(above, 0.0)),
        ):
            total[counted] = total[counted] * self._block_decay + addend
        self._waiting[rows], self._peak[rows], self._runs[rows] = self._peak[rows], -np.inf, 0
        prior = _PRIOR_BLOCKS * _SHARE_ABOVE
        excess = (prior * _MEAN_EXCESS + self._excess) / (prior + self._above)
        share = (prior + self._above) / (_PRIOR_BLOCKS + self._blocks)
        rarity = (self._table - _BASE) / _MEAN_EXCESS + np.log(share / _SHARE_ABOVE)
        self._own = np.maximum(self._table, _BASE + np.where(rarity > 0, excess, _MEAN_EXCESS) * rarity)
