"""Regressions: measurements beside their baseline's, by a ratio with an effect floor."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from loadtasks import units
from loadtasks.engine.measurement import METRICS, Measurement, metric
from loadtasks.results.judgement import Comparison, Finding, FindingKind

COMPARED = ("p50_s", "p95_s", "mean_s", "p99_s", "throughput_per_s", "success_rate")
"""The metrics that are put beside their baseline's."""
_TIMES = ("p50_s", "p95_s")
"""The times by which a regression is claimed: the middle and the tail, which show different faults."""
_ROUNDING = 1e-9
"""What binary fractions may be off: 0.15 is 1.5 times 0.1."""
NOT_COMPARED = "not compared: "
"""How every note begins that says why there is no comparison."""


@dataclass(frozen=True)
class Rule:
    """When a difference is a regression; the other way round, an improvement."""

    ratio: float = 1.5
    """So many times as slow as the baseline ..."""
    floor_s: float = 0.1
    """... and slower by at least so much: a ratio of tiny times is noise."""
    least_in_tail: int = 20
    """A p95 is compared where at least so many requests lie beyond it, on both sides: of a hundred requests five decide
    it, and one hiccup of the machine makes those five."""
    success_drop: float = 0.05
    """A success rate lower by so much."""

    def claim(self, name: str, observed: float, baseline: float) -> FindingKind | None:
        """What a pair of numbers of one metric shows, if anything."""
        if name == "success_rate":
            return _which(self._lower(observed, baseline), self._lower(baseline, observed))
        if name in _TIMES:
            return _which(self._slower(observed, baseline), self._slower(baseline, observed))
        return None

    def judges(self, name: str, measurement: Measurement) -> bool:
        """Whether a measurement holds enough requests for this metric."""
        return name != "p95_s" or measurement.response.count * 0.05 >= self.least_in_tail

    def _slower(self, one: float, other: float) -> bool:
        return one >= self.ratio * other - _ROUNDING and one - other >= self.floor_s - _ROUNDING

    def _lower(self, one: float, other: float) -> bool:
        return other - one >= self.success_drop - _ROUNDING


@dataclass
class Compared:
    """What a scenario's measurements show beside their baseline's."""

    comparisons: list[Comparison] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    """Of kind `regression`, `improvement`, or `note` where something is not compared."""


def compare(measurements: Sequence[Measurement], baseline: Sequence[Measurement], rule: Rule | None = None) -> Compared:
    """Put the measurements of one scenario, the whole and its parts, beside those of its baseline."""
    rule = rule or Rule()
    compared = Compared()
    if measurements and not baseline:
        compared.findings.append(_note("", "there is no baseline yet"))
        return compared
    others = {each.part: each for each in baseline}
    for measurement in measurements:
        other = others.get(measurement.part)
        reason = "the baseline has no such part" if other is None else _incomparable(measurement, other)
        if other is None or reason is not None:
            compared.findings.append(_note(measurement.part, str(reason)))
            if not measurement.part:
                break  # what is said of the whole need not be said of its parts
            continue
        for comparison in _comparisons(measurement, other):
            compared.comparisons.append(comparison)
            if all(rule.judges(comparison.metric, each) for each in (measurement, other)):
                finding = _finding(comparison, rule)
                if finding is not None:
                    compared.findings.append(finding)
    return compared


def _which(worse: bool, better: bool) -> FindingKind | None:
    if worse:
        return FindingKind.REGRESSION
    return FindingKind.IMPROVEMENT if better else None


def _note(part: str, reason: str) -> Finding:
    return Finding(kind=FindingKind.NOTE, part=part, sentence=f"{NOT_COMPARED}{reason}")


def _incomparable(measurement: Measurement, baseline: Measurement) -> str | None:
    """Why two measurements can't be compared."""
    if measurement.load != baseline.load:
        return f"its load is {measurement.load}, the baseline's was {baseline.load}; approve a baseline of this load"
    if measurement.scenario_hash != baseline.scenario_hash:
        return "what is sent has changed since the baseline; approve a new one once this is as it should be"
    return None


def _comparisons(measurement: Measurement, baseline: Measurement) -> Iterator[Comparison]:
    for name in COMPARED:
        observed, before = metric(measurement, name), metric(baseline, name)
        if observed is not None and before is not None:
            yield Comparison(
                part=measurement.part,
                metric=name,
                observed=observed,
                baseline=before,
                ratio=observed / before if before else None,
            )


def _finding(comparison: Comparison, rule: Rule) -> Finding | None:
    name, observed, baseline = comparison.metric, comparison.observed, comparison.baseline
    kind = rule.claim(name, observed, baseline)
    if kind is None:
        return None
    told = f"{METRICS[name]} {units.value(name, observed)}, baseline {units.value(name, baseline)}"
    changed = units.change(comparison.ratio) if name in _TIMES and comparison.ratio is not None else ""
    return Finding(
        kind=kind,
        part=comparison.part,
        metric=name,
        observed=observed,
        limit=baseline,
        sentence=f"{told} ({changed})" if changed else told,
    )
