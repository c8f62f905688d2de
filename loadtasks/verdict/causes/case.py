"""What a rule is given, and how it names a cause."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from loadtasks.measurement.errors import ErrorCode, ErrorCount
from loadtasks.measurement.metrics import PERCENTILES
from loadtasks.measurement.model import Measurement, Protocol
from loadtasks.measurement.target_metrics import TargetMetrics
from loadtasks.results.findings.causes.failures import FailedRequests
from loadtasks.results.findings.codes import FindingCode, Likelihood
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.parameters import Parameters

MIN_GROWTH = 1.1
"""The increase of the mean is attributed to steps when it exceeds this multiple of the baseline's; else the time itself
is. A rule of thumb: two runs of the same build differ by less on a quiet machine."""
MIN_GROWTH_TO_REFERENCE = 1.02
"""`MIN_GROWTH` against a reference. A rule of thumb: paired rounds differ by less than runs do."""
_MIN_SHARE = 0.01
"""The smallest share of requests for their failure to be named as a cause. A rule of thumb."""
_TIMES = frozenset({*PERCENTILES, "mean_s", "max_s", "throughput_per_s"})
_REDIS = "redis_up"
_NO_METRICS = TargetMetrics()


@dataclass(frozen=True)
class Case:
    """A measurement in which something is wrong."""

    measurement: Measurement
    baseline: Measurement | None
    """A comparable measurement, if there is any."""
    metrics: frozenset[str]
    """The metrics that missed a target or regressed."""
    target_metrics: TargetMetrics = _NO_METRICS
    """The target's own metrics during the whole scenario."""
    baseline_target_metrics: TargetMetrics = _NO_METRICS
    """The target's own metrics in the baseline."""
    parts: tuple["Case", ...] = ()
    """The parts, where this is the whole of a mixed scenario."""
    throttling_expected: bool = False
    """Whether the suite expects a rate limit to reject requests."""
    baseline_whole: Measurement | None = None
    """The comparable measurement of all parts together, which share the target; of a scenario without parts itself."""
    min_growth: float = MIN_GROWTH
    """The increase is attributed when the mean exceeds this multiple of the baseline's."""

    @property
    def slow(self) -> bool:
        """Whether the response time of completed requests is among what is wrong."""
        return bool(self.metrics & _TIMES) and self.measurement.counts.completed > 0

    @property
    def websocket(self) -> bool:
        """Whether it measured WebSockets; False for the whole of a mixed scenario."""
        return not self.parts and self.measurement.protocol is Protocol.WEBSOCKET

    @property
    def scheduled(self) -> int:
        """How many requests, connections or deliveries were scheduled."""
        return self.measurement.counts.scheduled

    def cause(
        self, code: FindingCode, parameters: Parameters | None = None, likelihood: Likelihood = Likelihood.LIKELY
    ) -> Finding:
        """A cause of what is wrong here."""
        return Finding(
            code=code,
            part=self.measurement.part,
            likelihood=likelihood,
            parameters=parameters if parameters is not None else Parameters(),
        )

    def failed(self, count: int, *codes: ErrorCode) -> FailedRequests:
        """The parameters of a failure: `count` of all, with a sample of the errors that have one of the codes."""
        return FailedRequests(count=count, scheduled=self.scheduled, sample=self.sample(*codes))

    def count(self, *codes: ErrorCode) -> int:
        """How many errors have one of these codes; those of publishing requests are not among them."""
        return sum(error.count for error in self._errors(codes))

    def sample(self, *codes: ErrorCode) -> str:
        """The text of one error that has one of these codes; empty where there is none."""
        return next((error.sample for error in self._errors(codes)), "")

    @property
    def redis_fell(self) -> bool:
        """Whether the target's metrics say that Redis is down; a target that never had it up may do without it."""
        now = self.target_metrics.gauge(_REDIS)
        before = self.baseline_target_metrics.gauge(_REDIS) or ()
        return now is not None and min(now) < 1 and max(*now, *before) >= 1

    def is_frequent(self, count: int) -> bool:
        """Whether a failure is frequent enough to be named as a cause."""
        return bool(self.scheduled) and count / self.scheduled >= _MIN_SHARE

    def _errors(self, codes: Collection[ErrorCode]) -> Iterator[ErrorCount]:
        return (error for error in self.measurement.errors if error.code in codes and not error.publishing)


Rule = Callable[[Case], Iterator[Finding]]
"""Gives the causes that the data of a case supports, or none."""


def likely_if(condition: object) -> Likelihood:
    """`LIKELY` where the condition holds, else `POSSIBLE`."""
    return Likelihood.LIKELY if condition else Likelihood.POSSIBLE
