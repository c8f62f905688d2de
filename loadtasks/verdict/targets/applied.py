"""Which targets of the suites apply to one measurement, and what the built-in targets take from them."""

from dataclasses import dataclass

from loadtasks.measurement.model import Measurement, metric
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import Bound, Comparison, MetTarget, TargetMissed
from loadtasks.verdict.targets.suites import Expectation

_ABOUT_THE_LOAD = frozenset({"scheduled", "internal_errors", "conservation_gap"})
"""Metrics that say what the load engine did, and nothing of the API."""
DEFAULT_SUCCESS_RATE = 0.99
"""The share of requests, or of the time, that has to succeed where no suite says how many may fail."""


@dataclass(frozen=True)
class AppliedTargets:
    """A measurement, and the expectations of severity `critical` that judge it.

    An expectation whose condition the measurement doesn't fulfil is left out.
    """

    measurement: Measurement
    expectations: tuple[Expectation, ...] = ()

    @property
    def columns(self) -> frozenset[str]:
        """The metrics that they judge."""
        return frozenset(column for expectation in self.expectations for column in expectation.columns)

    @property
    def judge_the_api(self) -> bool:
        """Whether one of them is a target that the API can miss."""
        return bool(self.columns - _ABOUT_THE_LOAD)

    def on(self, name: str) -> tuple[Expectation, ...]:
        """The targets on one metric."""
        return tuple(expectation for expectation in self.expectations if expectation.column == name)

    @property
    def success_rate_limit(self) -> float:
        """The smallest success rate that is good enough: the suite's, else `DEFAULT_SUCCESS_RATE`."""
        limits = [target.minimum for target in self.on("success_rate") if target.minimum is not None]
        return max(limits, default=DEFAULT_SUCCESS_RATE)


@dataclass(frozen=True)
class Minimum:
    """What a built-in target demands of a metric."""

    metric: str
    value: float

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """The same as the bounds of a target."""
        return (Bound(comparison=Comparison.AT_LEAST, value=self.value),)

    def judge(self, measurement: Measurement) -> Finding | MetTarget | None:
        """The finding that a measurement is below it, or that it is met.

        None where the metric was not measured: whether there must be one is the caller's to know.
        """
        observed = metric(measurement, self.metric)
        if observed is None:
            return None
        if observed >= self.value:
            return MetTarget(
                part=measurement.part, metric=self.metric, observed=observed, built_in=True, bounds=self.bounds
            )
        return Finding(
            code=FindingCode.TARGET_MISSED,
            part=measurement.part,
            metric=self.metric,
            observed=observed,
            limit=self.value,
            parameters=TargetMissed(built_in=True, bounds=self.bounds),
        )
