"""A change of an error rate: its first run, how large it is, and whether the series has recovered from it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from loadtasks.results.error_counts import ErrorCounts
from loadtasks.results.regression import MetricChange
from loadtasks.verdict.history.baselines import Values
from loadtasks.verdict.history.change_point import ChangePoint
from loadtasks.verdict.history.failure_counts import CVS, RATES, Counts, FailureCounts, log_probability
from loadtasks.verdict.history.rate_evidence import FALLS, MIN_DIFFERENCE, MIN_RATIO, PRIOR, RISES, RateEvidence

MAX_RUNS_SINCE_CHANGE = 60
"""Only so many of the newest runs can be the first of a change: the evidence of older ones has faded."""
_Z = 1.959964
"""The quantile of the normal distribution between the ends of an interval of 95 % confidence."""
_CREDIBLE = 0.9
_BURST = 0.5
"""A run that met a burst with a higher probability is no part of the rate before a change, which it would hide."""
_RECOVERED = 3.0
"""Log likelihood ratio, 20 to 1, of the rate before the change against the one after it ..."""
_MAX_RUN = 2.0
"""... of which one run adds no more than this; both as of other metrics (`loadtasks.verdict.history.recovery`)."""
_LOWEST = 0.02
"""The rate before a change is taken to be no lower than this share of the one after it: one more error is no proof
that a service without any is broken again."""


class CountedRun(NamedTuple):
    """A valid run of one series."""

    number: int
    counts: Counts
    """Shape: `MAX_REPETITIONS` x 2."""

    @property
    def failed(self) -> int:
        """The failed requests of all repetitions."""
        return int(self.counts[:, 0].sum())

    @property
    def requests(self) -> int:
        """The requests of all repetitions."""
        return int(self.counts[:, 1].sum())


@dataclass(frozen=True)
class RateChange(ChangePoint):
    """A shift of an error rate; `size`, `low` and `high` are those of the success rate, so that worse is negative."""

    errors: ErrorCounts
    """The requests that failed before and since."""
    bursts: frozenset[int] = frozenset()
    """The numbers of the runs before that met a burst of errors, and are left out."""

    @property
    def reportable(self) -> bool:
        """Whether it is as large as a change has to be."""
        return is_reportable(self.errors.rate_before, self.errors.rate)

    def as_metric(self, metric: str) -> MetricChange:
        """The change of the success rate, with the counts that show it."""
        before = 1 - self.errors.rate_before
        # Where every request failed, the ratio is that to one success.
        of = before or 1 / self.errors.requests_before
        ratio, low, high = (max(0.0, before + size) / of for size in (self.size, self.low, self.high))
        return MetricChange(metric=metric, before=before, ratio=ratio, low=low, high=high, errors=self.errors)


def is_reportable(rate: float, other: float) -> bool:
    """Whether two error rates differ by the minimum effect of error rates."""
    low, high = min(rate, other), max(rate, other)
    return high >= MIN_RATIO * low and high - low >= MIN_DIFFERENCE


def locate_rate_change(
    runs: Sequence[CountedRun], kernel: FailureCounts, share: float, worse: bool, after: int = -1
) -> RateChange:
    """The change that the newest runs of a series show.

    Args:
        runs: The baseline, two runs at least, with those since the change.
        kernel: Computes likelihoods.
        share: The share of runs that meet a burst.
        worse: Whether the rate rose.
        after: The number of the last run that can't be the first of the change.
    """
    regular, burst = np.moveaxis(kernel.likelihoods(np.stack([run.counts for run in runs])), 1, 0)
    shifts = RISES if worse else FALLS
    likelihoods: Values = (1 - share) * regular + share * burst
    before = np.concatenate([np.zeros((1, *PRIOR.shape)), np.cumsum(np.log(likelihoods), axis=0)])
    settled = sum(run.number <= after for run in runs)
    candidates = range(max(1, settled, len(runs) - MAX_RUNS_SINCE_CHANGE), len(runs))
    odds = np.array([logsumexp(_log_odds(before, first, shifts)) for first in candidates])
    probability = np.exp(odds - odds.max())
    newest_first = np.cumsum(probability[::-1] / probability.sum())
    first = candidates[int(np.argmax(odds))]
    ends = [int(np.searchsorted(newest_first, part)) + 1 for part in ((1 - _CREDIBLE) / 2, (1 + _CREDIBLE) / 2)]
    latest, earliest = (runs[-min(end, len(candidates))].number for end in ends)
    old = np.exp(_log_odds(before, first, shifts) - odds.max())
    met = 1 - ((1 - share) * regular[:first] / likelihoods[:first] * old).sum(axis=(1, 2)) / old.sum()
    bursts = frozenset(run.number for run, probability in zip(runs, met.tolist(), strict=False) if probability > _BURST)
    return estimate_rates(runs[:first], runs[first:], earliest, latest, bursts)


def estimate_rates(
    before: Sequence[CountedRun],
    since: Sequence[CountedRun],
    earliest: int,
    latest: int,
    bursts: frozenset[int] = frozenset(),
) -> RateChange:
    """The error rates before and since a change, and their intervals.

    The interval of a rate is Wilson's (1927, "Probable inference", JASA 22:209), that of the difference Newcombe's from
    two of these (1998, "Interval estimation for the difference between independent proportions", Statistics in Medicine
    17:873, method 10). Where runs vary by more than chance, the requests count for fewer, by Pearson's estimate of the
    dispersion (McCullagh and Nelder 1989, "Generalized Linear Models", 4.5).

    Args:
        before: The runs of the baseline.
        since: The runs since the change.
        earliest: The number of the earliest run that may be the first one ...
        latest: ... and of the latest one.
        bursts: The numbers of the runs before that are left out, unless no other is left.
    """
    before = [run for run in before if run.number not in bursts] or before
    dispersion = _dispersion((before, since))
    old, now = _pooled(before), _pooled(since)
    old_low, old_high = wilson(*old, dispersion)
    low, high = wilson(*now, dispersion)
    rate_before, rate = old[0] / old[1], now[0] / now[1]
    size = rate - rate_before
    smallest = size - math.hypot(rate - low, old_high - rate_before)
    largest = size + math.hypot(high - rate, rate_before - old_low)
    return RateChange(
        first=since[0].number,
        earliest=min(earliest, since[0].number),
        latest=max(latest, since[0].number),
        lasted=len(since),
        size=-size,
        low=-largest,
        high=-smallest,
        errors=ErrorCounts(
            failed_before=old[0], requests_before=old[1], failed=now[0], requests=now[1], low=low, high=high
        ),
        bursts=bursts,
    )


def wilson(failed: int, requests: int, dispersion: float = 1.0) -> tuple[float, float]:
    """The 95 % interval of an error rate.

    `dispersion`: how many times chance the variance is.
    """
    number, rate, z2 = requests / dispersion, failed / requests, _Z**2
    centre = (rate + z2 / (2 * number)) / (1 + z2 / number)
    half = _Z / (1 + z2 / number) * math.sqrt(rate * (1 - rate) / number + z2 / (4 * number**2))
    return (0.0 if failed == 0 else centre - half), (1.0 if failed == requests else centre + half)


class RateRecovery:
    """The runs since a change, compared with the rate before it.

    The series has recovered when Page's cumulative sum (Page 1954, "Continuous inspection schemes") of the likelihood
    ratio of the rate before against that since exceeds the threshold.
    """

    def __init__(
        self, change: RateChange, before: Sequence[CountedRun], since: Sequence[CountedRun], kernel: FailureCounts
    ) -> None:
        """Begin with the change as it was found.

        Args:
            change: The change as it was raised.
            before: The runs of the baseline.
            since: The runs since the change.
            kernel: Computes likelihoods.
        """
        self.raised, self.worse = change, change.size < 0
        self.before, self.since = list(before), list(since)
        self._sum, self._recovered = 0.0, 0
        level = [run for run in self.before if run.number not in change.bursts] or self.before
        self._cv = float((fold(level, kernel).posterior[0].sum(axis=1) * CVS).sum())

    @property
    def change(self) -> RateChange:
        """The change, its size estimated from all runs since."""
        raised = self.raised
        return estimate_rates(self.before, self.since, raised.earliest, raised.latest, raised.bursts)

    def observe(self, run: CountedRun) -> bool:
        """Add one more run. Returns whether the series has recovered."""
        self._sum = max(0.0, self._sum + float(np.clip(self._log_ratio(run), -_MAX_RUN, _MAX_RUN)))
        self.since.append(run)
        self._recovered = self._recovered + 1 if self._sum > 0 else 0
        return self._sum > _RECOVERED

    def is_back(self, run: CountedRun) -> bool:
        """Whether a run is more like those before the change than like those since."""
        return self._log_ratio(run) > 0

    def recovered_runs(self) -> list[CountedRun]:
        """The newest runs, in which the series was back at its rate."""
        return self.since[len(self.since) - self._recovered :]

    def _log_ratio(self, run: CountedRun) -> float:
        errors = self.raised.errors
        rates = errors.rate_before, errors.rate
        lowest = max(_LOWEST * max(rates), float(RATES[0]))
        before, since = (
            log_probability(run.failed, run.requests, min(max(rate, lowest), float(RATES[-1])), self._cv)
            for rate in rates
        )
        return before - since


def fold(runs: Sequence[CountedRun], kernel: FailureCounts) -> RateEvidence:
    """The evidence of one series by its runs alone."""
    evidence = RateEvidence.before_any_run(1)
    for likelihoods in kernel.likelihoods(np.stack([run.counts for run in runs])):
        evidence = evidence.after(likelihoods[None], np.array([True]))
    return evidence


def _log_odds(before: Values, first: int, shifts: Values) -> Values:
    """The log odds of a run to be the first of a shift, but for what all runs have in common; shape: CVs x old rates.

    `before`: the log likelihood of the runs before each; shape: runs + 1 x CVs x rates.
    """
    since = before[-1] - before[first]
    highest = since.max()
    with np.errstate(divide="ignore"):  # no rate may become another one from the highest on
        moved: Values = np.log(np.exp(since - highest) @ shifts.T) + highest
    odds: Values = np.log(PRIOR) + before[first] + moved
    return odds


def _pooled(runs: Sequence[CountedRun]) -> tuple[int, int]:
    return sum(run.failed for run in runs), sum(run.requests for run in runs)


def _dispersion(groups: Sequence[Sequence[CountedRun]]) -> float:
    """How many times chance the variance of the runs' counts is, by those within each group; 1 at least."""
    squares, freedom = 0.0, 0
    for runs in groups:
        failed, requests = _pooled(runs)
        rate = failed / requests
        if 0 < rate < 1 and len(runs) > 1:
            squares += sum((run.failed - run.requests * rate) ** 2 / (run.requests * rate * (1 - rate)) for run in runs)
            freedom += len(runs) - 1
    return max(1.0, squares / freedom) if freedom else 1.0
