"""What a rule is given, and what it says."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from loadtasks import units
from loadtasks.measurement.errors import ErrorCode, ErrorCount
from loadtasks.measurement.model import Measurement, Protocol
from loadtasks.measurement.target_metrics import TargetMetrics

GREW = 1.1
"""So many times the baseline's mean is growth that can be explained; a target may be missed without any."""
GREW_BESIDE = 1.02
"""The same beside a reference, whose nights differ by less."""
_WORTH_NAMING = 0.01
"""The least share of requests for an error to be named as a cause."""
_TIMES = frozenset({"mean_s", "p50_s", "p90_s", "p95_s", "p99_s", "max_s", "throughput_per_s"})
_REDIS = "redis_up"
_NOTHING = TargetMetrics()


@dataclass(frozen=True)
class Cause:
    """One explanation."""

    sentence: str
    """The cause first, then what was measured that speaks for it."""
    next_step: str
    """What to do or to look at, as a sentence without its full stop."""
    sure: bool = True
    """Whether the evidence leaves no other explanation that we know of."""


@dataclass(frozen=True)
class Case:
    """A measurement in which something is wrong."""

    measurement: Measurement
    baseline: Measurement | None
    """A comparable one, if there is any."""
    metrics: frozenset[str]
    """The metrics that missed a target or got worse."""
    told: TargetMetrics = _NOTHING
    """The target's own metrics of the whole scenario."""
    told_before: TargetMetrics = _NOTHING
    """Those of the baseline."""
    parts: tuple["Case", ...] = ()
    """Of the whole of a mixed scenario."""
    throttling_wanted: bool = False
    """Whether the scenario is there to be throttled."""
    growth: float = GREW
    """So many times the baseline's mean is growth that can be explained."""

    @property
    def slow(self) -> bool:
        """Whether the time of an answered request is among what is wrong."""
        return bool(self.metrics & _TIMES) and self.measurement.counts.completed > 0

    @property
    def websocket(self) -> bool:
        """Whether it is of WebSockets: opened, or listening."""
        return not self.parts and self.measurement.protocol is Protocol.WEBSOCKET

    def count(self, *codes: ErrorCode) -> int:
        """How many errors have one of these codes; those of publishing requests are not among them."""
        return sum(error.count for error in self._errors(codes))

    def sample(self, *codes: ErrorCode) -> str:
        """One error with one of these codes in words, to be added to a sentence."""
        return next((f", e.g. {error.sample}" for error in self._errors(codes)), "")

    def _errors(self, codes: Collection[ErrorCode]) -> Iterator[ErrorCount]:
        return (error for error in self.measurement.errors if error.code in codes and not error.publishing)

    def of_all(self, number: int, noun: str = "request", nouns: str | None = None) -> str:
        """A number of requests among all, in words."""
        scheduled = self.measurement.counts.scheduled
        return f"{units.count(number)} of {units.plural(scheduled, noun, nouns)} ({units.share(number / scheduled)})"

    @property
    def redis_fell(self) -> bool:
        """Whether the target says that Redis is down; one that never said it was up may well do without it."""
        now = self.told.gauge(_REDIS)
        return now is not None and min(now) < 1 and max(*now, *(self.told_before.gauge(_REDIS) or ())) >= 1

    def matters(self, number: int) -> bool:
        """Whether so many requests are worth naming."""
        scheduled = self.measurement.counts.scheduled
        return bool(scheduled) and number / scheduled >= _WORTH_NAMING


Rule = Callable[[Case], Iterator[Cause]]
"""Says what it can support, or nothing."""
