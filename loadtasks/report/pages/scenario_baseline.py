"""Where the baselines of a scenario lie among its runs, by what is stored: no run is judged for it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from loadtasks.measurement.metrics import BASELINE_METRICS
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import BaselineShift
from loadtasks.results.regression import Regression, RegressionState
from loadtasks.results.scenario_runs import ScenarioRun
from loadtasks.verdict.history.bands import Band, PlottedSeries
from loadtasks.verdict.history.baselines import MAX_BASELINE_RUNS

RUNS_BEFORE = MAX_BASELINE_RUNS + 30
"""Runs that are read before those shown, since the baseline of the first of these began earlier."""
_SHOWS_IT = (FindingCode.REGRESSION, FindingCode.REGRESSION_ACKNOWLEDGED)


@dataclass(frozen=True)
class ScenarioBaselines:
    """The runs of a scenario, or of one part of it, and what decides which of them are its baselines."""

    runs: Sequence[ScenarioRun]
    """The oldest first."""
    part: str = ""
    regressions: Sequence[Regression] = ()
    """Those of this scenario and part."""
    approved_run: str | None = None
    """The baseline run that a person approved; None where the pipeline chose it."""
    min_effect: float = 0.03
    """The smallest relative change that is reported."""

    def of(self, metric: str) -> "MetricBaseline":
        """The baselines of one metric."""
        return MetricBaseline(metric, self)

    @cached_property
    def places(self) -> dict[str, int]:
        """By the id of a run its place among the runs."""
        return {run.run_id: place for place, run in enumerate(self.runs)}

    @cached_property
    def valid(self) -> list[bool]:
        """Whether the values of each run say something about the API."""
        return [run.valid for run in self.runs]

    @cached_property
    def improvements(self) -> list[Finding]:
        """The improvements that were found and still have their first run among the runs."""
        return [
            finding
            for run in self.runs
            if run.stored_findings
            for finding in run.findings(FindingCode.IMPROVEMENT)
            if finding.part == self.part
            and isinstance(finding.parameters, BaselineShift)
            and finding.parameters.first_run in self.places
        ]

    @cached_property
    def begins(self) -> set[int]:
        """The places of the runs with which a baseline of all metrics begins."""
        approved = {self.places[run_id] for run_id in [self.approved_run] if run_id in self.places}
        return approved | set(self._changed_fingerprints())

    def _changed_fingerprints(self) -> Iterable[int]:
        """The places of the runs that were measured in another way than the one before."""
        before: tuple[object, ...] = ()
        for place, (run, valid) in enumerate(zip(self.runs, self.valid, strict=True)):
            if valid:
                if before and run.fingerprint != before:
                    yield place
                before = run.fingerprint


@dataclass(frozen=True)
class MetricBaseline:
    """The baselines of one metric of a scenario."""

    metric: str
    scenario: ScenarioBaselines

    @property
    def is_judged(self) -> bool:
        """Whether the metric is compared with a baseline."""
        return self.metric in BASELINE_METRICS

    @cached_property
    def regressions(self) -> list[Regression]:
        """The regressions that this metric is part of, but for false alarms."""
        return [
            regression
            for regression in self.scenario.regressions
            if regression.state is not RegressionState.DISMISSED
            and any(change.metric in self._judged_with for change in regression.changes)
        ]

    @cached_property
    def gains(self) -> list[Finding]:
        """The improvements that began a baseline of this metric, one for each."""
        found = {
            _first_run(finding): finding
            for finding in self.scenario.improvements
            if finding.metric in self._judged_with
        }
        return list(found.values())

    @cached_property
    def begins(self) -> set[int]:
        """The places of the runs with which a baseline begins."""
        accepted = [one.first_run for one in self.regressions if one.state is RegressionState.ACCEPTED]
        first_runs = [*accepted, *(_first_run(finding) for finding in self.gains)]
        places = self.scenario.places
        return self.scenario.begins | {places[run_id] for run_id in first_runs if run_id in places}

    @cached_property
    def outside(self) -> set[int]:
        """The places of the runs that are no part of a baseline."""
        return {
            place
            for regression in self.regressions
            for place, run in enumerate(self.scenario.runs)
            if place >= self.scenario.places.get(regression.first_run, 0) and _is_outside(run, regression)
        }

    def bands(self, since: int = 0) -> list[Band]:
        """Level and scale over the runs from a place on, in their order; none of a metric without a baseline."""
        return self._series.bands(self.begins, self.outside, since) if self.is_judged else []

    def change_interval(self, first: int) -> tuple[int, int]:
        """The places between which the first run of a change lies. `first`: the place of the most likely one."""
        if not self.is_judged:
            return first, first
        begin = max((place for place in self.begins if place < first), default=0)
        after = [place for place in self.begins if place > first]
        return self._series.change_interval(begin, first, min(after, default=len(self.scenario.runs)) - 1)

    @cached_property
    def _series(self) -> PlottedSeries:
        runs = zip(self.scenario.runs, self.scenario.valid, strict=True)
        values = [run.metrics.get(self.metric) if valid else None for run, valid in runs]
        return PlottedSeries(self.metric, values, self.scenario.min_effect)

    @cached_property
    def _judged_with(self) -> frozenset[str]:
        """The metric, and the one that it is relative to: what moves all requests moves the tail."""
        rule = BASELINE_METRICS.get(self.metric)
        return frozenset({self.metric, (rule.relative_to if rule is not None else None) or self.metric})


def _first_run(improvement: Finding) -> str:
    return str(getattr(improvement.parameters, "first_run", ""))


def _is_outside(run: ScenarioRun, regression: Regression) -> bool:
    """Whether a run since a regression's first one is no part of a baseline."""
    if not regression.state.ended:
        return True
    if regression.state is not RegressionState.FIXED or run.sequence > regression.moves[-1].sequence:
        return False
    return regression.by_hand or not run.codes.isdisjoint(_SHOWS_IT)
