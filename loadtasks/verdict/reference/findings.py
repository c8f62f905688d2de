"""What the paired rounds of a scenario and its reference show: findings, and numbers side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite

from loadtasks.engine.recording.round_ratios import RoundRatios
from loadtasks.measurement.model import Measurement, metric
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.reference import (
    Inconclusive,
    MetricRatio,
    ReferenceFailing,
    ReferenceInvalid,
    ReferenceMissing,
    ReferenceShift,
    RoundsExcluded,
)
from loadtasks.results.judgement import MetricComparison
from loadtasks.results.pairing import Pairing
from loadtasks.verdict import validity
from loadtasks.verdict.reference.judged_rounds import JUDGED, RoundBudget, is_judged, judge_rounds
from loadtasks.verdict.reference.sequential_test import Decision, Ratio

_TIMES = ("p50_s", "p95_s")
_MIN_SUCCESS_OF_REFERENCE = 0.5
"""Success rate below which a reference is no yardstick: any candidate is better, and the times of the few requests that
it completed say nothing about a build."""
_CODES = {
    Decision.REGRESSED: FindingCode.REFERENCE_REGRESSION,
    Decision.IMPROVED: FindingCode.REFERENCE_IMPROVEMENT,
}


@dataclass(frozen=True)
class ReferenceRounds:
    """A scenario's reference: what it showed, its version, and the budget under which it was driven."""

    pairing: Pairing
    version: str
    budget: RoundBudget = field(default_factory=RoundBudget)


@dataclass
class ComparedRounds:
    """A scenario, its whole and its parts, compared with its reference."""

    comparisons: list[MetricComparison] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class _PairedMetric:
    """One metric of candidate and reference."""

    part: str
    name: str
    ratio: Ratio
    candidate: float | None
    reference: float | None

    @property
    def parameters(self) -> MetricRatio:
        known = isfinite(self.ratio.high)
        return MetricRatio(
            metric=self.name,
            ratio=self.ratio.ratio,
            low=self.ratio.low if known else None,
            high=self.ratio.high if known else None,
            inconclusive=self.ratio.decision is Decision.INCONCLUSIVE,
            starts_disagree=self.ratio.starts_disagree,
        )

    @property
    def comparison(self) -> MetricComparison:
        ratio = self.parameters
        return MetricComparison(
            part=self.part,
            metric=self.name,
            observed=self.candidate or 0.0,
            baseline=self.reference or 0.0,
            ratio=ratio.ratio,
            low=ratio.low,
            high=ratio.high,
        )


def compare_rounds(measurements: Sequence[Measurement], rounds: ReferenceRounds) -> ComparedRounds:
    """Compare a scenario's measurements with those of its reference, by their rounds.

    Args:
        measurements: The candidate's: the whole first, then its parts.
        rounds: What the reference showed, and the rounds of both.
    """
    pairing = rounds.pairing
    problem = _problem(pairing)
    if problem is not None:
        return ComparedRounds(findings=[problem])
    ratios = judge_rounds(pairing.round_ratios, rounds.budget.rule)
    compared = ComparedRounds()
    for measurement, reference, part in zip(measurements, pairing.reference, pairing.round_ratios, strict=True):
        metrics = [
            _PairedMetric(part.part, name, ratio, metric(measurement, name), metric(reference, name))
            for (of, name), ratio in ratios.items()
            if of == part.part
        ]
        compared.comparisons += [paired.comparison for paired in metrics]
        judged = [paired for paired in metrics if paired.name in JUDGED and is_judged(part, paired.name)]
        compared.findings += _shifts(judged, rounds.version)
        # What is inconclusive of the whole need not be repeated of its parts.
        if not any(finding.kind is FindingKind.HISTORY for finding in compared.findings):
            compared.findings += _inconclusive(part.part, judged, _seconds_per_round(measurements, pairing))
    compared.findings += _excluded(pairing.round_ratios[0])
    return compared


def _problem(pairing: Pairing) -> Finding | None:
    """Why the candidate can't be compared with its reference; None where it can."""
    if pairing.problem is not None:
        return Finding(code=FindingCode.REFERENCE_MISSING, parameters=ReferenceMissing(error=pairing.problem))
    for doubt in validity.findings("", pairing.reference, {}, planned=False):
        parameters = ReferenceInvalid(code=doubt.code, parameters=doubt.parameters.model_dump(mode="json"))
        return Finding(code=FindingCode.REFERENCE_INVALID, parameters=parameters)
    whole = pairing.reference[0]
    if whole.success_rate is not None and whole.success_rate < _MIN_SUCCESS_OF_REFERENCE:
        counts = whole.counts
        failing = ReferenceFailing(
            failed=counts.scheduled - counts.throttled - counts.completed,
            scheduled=counts.scheduled - counts.throttled,
            sample=whole.errors[0].sample if whole.errors else "",
        )
        return Finding(code=FindingCode.REFERENCE_FAILING, parameters=failing)
    return None


def _shifts(judged: Sequence[_PairedMetric], version: str) -> Iterator[Finding]:
    """The regressions and improvements of a part."""
    codes = {paired.name: _CODES[paired.ratio.decision] for paired in judged if paired.ratio.decision in _CODES}
    for paired in judged:
        if paired.name in codes:
            parameters = ReferenceShift(
                **paired.parameters.model_dump(include={"ratio", "low", "high"}),
                rounds=paired.ratio.rounds,
                starts=paired.ratio.starts,
                reference_version=version,
                other=_unshifted(paired, judged, codes),
            )
            yield Finding(
                code=codes[paired.name],
                part=paired.part,
                metric=paired.name,
                observed=paired.candidate,
                limit=paired.reference,
                parameters=parameters,
            )


def _unshifted(
    shifted: _PairedMetric, judged: Sequence[_PairedMetric], codes: dict[str, FindingCode]
) -> MetricRatio | None:
    """The median where only the tail shifted, and the tail where only the median did; None where both or neither."""
    other = next((paired for paired in judged if paired.name in _TIMES and paired.name != shifted.name), None)
    if shifted.name not in _TIMES or other is None or codes.get(other.name) is codes[shifted.name]:
        return None
    return other.parameters


def _inconclusive(part: str, judged: Sequence[_PairedMetric], seconds_per_round: float) -> Iterator[Finding]:
    """The metrics without a decision, where none regressed."""
    metrics = [paired for paired in judged if paired.ratio.decision is Decision.INCONCLUSIVE]
    if metrics and not any(paired.ratio.decision is Decision.REGRESSED for paired in judged):
        left = [paired.ratio.rounds_left for paired in metrics]
        known = [rounds for rounds in left if rounds is not None]
        parameters = Inconclusive(
            metrics=tuple(paired.parameters for paired in metrics),
            rounds=metrics[0].ratio.rounds,
            more_s=max(known) * seconds_per_round if len(known) == len(left) else None,
        )
        yield Finding(code=FindingCode.INCONCLUSIVE, part=part, parameters=parameters)


def _seconds_per_round(measurements: Sequence[Measurement], pairing: Pairing) -> float:
    """How long a round takes on average; of earlier versions, how long both builds are driven in it."""
    whole = pairing.round_ratios[0]
    seconds = sum(whole.took_s) or measurements[0].elapsed_s + pairing.reference[0].elapsed_s
    return seconds / len(whole.saturated)


def _excluded(rounds: RoundRatios) -> Iterator[Finding]:
    """The rounds in which the load generator was saturated."""
    excluded = rounds.saturated.count(True)
    if excluded:
        parameters = RoundsExcluded(excluded=excluded, rounds=len(rounds.saturated))
        yield Finding(code=FindingCode.ROUNDS_EXCLUDED, parameters=parameters)
