"""A scenario beside its reference: what the ratios of their rounds show, and when there are enough rounds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import median

import numpy as np

from loadtasks import units
from loadtasks.engine.recording.round_ratios import PAIRED, RoundRatios
from loadtasks.measurement.model import METRICS, Measurement, metric
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import MetricComparison
from loadtasks.results.pairing import Pairing
from loadtasks.verdict import validity
from loadtasks.verdict.history.findings import Compared
from loadtasks.verdict.reference import sequential_test
from loadtasks.verdict.reference.sequential_test import Decision, Ratio

JUDGED = ("p50_s", "p95_s", "success_rate")
"""The metrics that are judged: the middle and the tail, which show different faults, and failures."""
BESIDE = "beside the reference: "
"""How every note begins that comparing with a reference makes."""
_TIMES = {"p50_s": "the middle", "p95_s": "the tail"}
_HIGHER_IS_BETTER = frozenset({"success_rate", "throughput_per_s"})
_COUNTED = frozenset({"success_rate"})
_LEAST_IN_ROUND = 20
"""A p95 is judged where a round has at least so many requests."""
_LOOKS = sequential_test.Rule().looks
_CLAIMS = {Decision.REGRESSED: FindingKind.REGRESSION, Decision.IMPROVED: FindingKind.IMPROVEMENT}


@dataclass(frozen=True)
class RoundBudget:
    """How much one scenario may take beside its reference."""

    rounds: int = _LOOKS[-1]
    seconds: float = 30.0

    @property
    def rule(self) -> sequential_test.Rule:
        """The sequential test that keeps to it."""
        return sequential_test.Rule(looks=(*(look for look in _LOOKS if look < self.rounds), self.rounds))

    def more_rounds(self, pairs: Sequence[RoundRatios]) -> int:
        """How many rounds to add until it is known whether anything got worse; 0 when it is, or all are used up."""
        usable, rule = pairs[0].saturated.count(False), self.rule
        left = self.rounds - len(pairs[0].saturated)
        if usable in rule.looks:
            ratios = _ratios(pairs, rule)
            decisions = [ratios[pair.part, name].decision for pair in pairs for name in JUDGED if _judges(pair, name)]
            return min(left, sequential_test.more_rounds(decisions, usable, rule))
        return min(left, next(look for look in rule.looks if look > usable) - usable)


@dataclass(frozen=True)
class ReferenceRounds:
    """A scenario's reference: what it showed, how people know it, and the budget under which it was driven."""

    pairing: Pairing
    version: str
    budget: RoundBudget = RoundBudget()


def compare_rounds(measurements: Sequence[Measurement], beside: ReferenceRounds) -> Compared:
    """What a scenario's rounds show beside those of its reference."""
    pairing = beside.pairing
    doubts = [
        finding.sentence or finding.code.replace("_", " ")
        for finding in validity.findings("", pairing.reference, {}, planned=False)
    ]
    problem = pairing.problem or (f"its own measurement can't be trusted: {doubts[0]}" if doubts else None)
    if problem is not None:
        return Compared(findings=[_note("", f"not compared, {problem}")])
    ratios = _ratios(pairing.round_ratios, beside.budget.rule)
    compared = Compared()
    for measurement, reference, pairs in zip(measurements, pairing.reference, pairing.round_ratios, strict=True):
        told = [
            _Told(pairs, name, ratio, metric(measurement, name), metric(reference, name), beside.version)
            for (part, name), ratio in ratios.items()
            if part == pairs.part
        ]
        compared.comparisons += [each.comparison for each in told]
        judged = [each for each in told if each.name in JUDGED and _judges(pairs, each.name)]
        compared.findings += _claims(judged)
        if not any(
            finding.kind is FindingKind.HISTORY for finding in compared.findings
        ):  # the whole's stands for its parts'
            compared.findings += _doubts(pairs, judged)
    compared.findings += _rounds_left_out(pairing.round_ratios[0])
    return compared


def _ratios(pairs: Sequence[RoundRatios], rule: sequential_test.Rule) -> dict[tuple[str, str], Ratio]:
    """The ratios by part and metric; the error rate is that of all that is judged together."""
    number = sum(_judges(pair, name) for pair in pairs for name in JUDGED)
    return {
        (pair.part, name): sequential_test.judge(
            np.array(pair.usable(name)),
            max(1, number),
            rule,
            worse_up=name not in _HIGHER_IS_BETTER,
            continuous=name not in _COUNTED,
        )
        for pair in pairs
        for name in PAIRED
        if pair.usable(name)
    }


def _judges(pairs: RoundRatios, name: str) -> bool:
    """Whether the rounds hold enough to judge a metric by."""
    return bool(pairs.usable(name)) and (name != "p95_s" or median(pairs.requests) >= _LEAST_IN_ROUND)


@dataclass(frozen=True)
class _Told:
    """One metric beside the reference's."""

    pairs: RoundRatios
    name: str
    ratio: Ratio
    observed: float | None
    reference: float | None
    version: str

    @property
    def comparison(self) -> MetricComparison:
        known = isfinite(self.ratio.high)
        return MetricComparison(
            part=self.pairs.part,
            metric=self.name,
            observed=self.observed or 0.0,
            baseline=self.reference or 0.0,
            ratio=self.ratio.ratio,
            low=self.ratio.low if known else None,
            high=self.ratio.high if known else None,
        )

    @property
    def change(self) -> str:
        """`p50 +12 % (between +9 % and +15 %)`."""
        told = f"{METRICS[self.name]} {units.change(self.ratio.ratio)}"
        if not isfinite(self.ratio.high):
            return told
        return f"{told} (between {units.change(self.ratio.low)} and {units.change(self.ratio.high)})"

    def finding(self, kind: FindingKind, end: str) -> Finding:
        """What is claimed of it."""
        numbers = f"{units.value(self.name, self.observed)}, there {units.value(self.name, self.reference)}"
        rounds = units.plural(self.ratio.rounds, "round")
        return Finding(
            kind=kind,
            part=self.pairs.part,
            metric=self.name,
            observed=self.observed,
            limit=self.reference,
            sentence=f"{self.change} against the reference {self.version}, in {rounds}: {numbers}{end}",
        )


def _claims(judged: Sequence[_Told]) -> Iterator[Finding]:
    """What is claimed of a part."""
    claims = {each.name: kind for each in judged if (kind := _CLAIMS.get(each.ratio.decision)) is not None}
    for each in judged:
        if each.name in claims:
            yield each.finding(claims[each.name], _which_moved(each, judged, claims))


def _doubts(pairs: RoundRatios, judged: Sequence[_Told]) -> Iterator[Finding]:
    """What one can't be sure of, where nothing is known to be worse."""
    unsure = [each for each in judged if each.ratio.decision is Decision.UNSURE]
    if unsure and not any(each.ratio.decision is Decision.REGRESSED for each in judged):
        changes = ", ".join(each.change for each in unsure)
        yield _note(pairs.part, f"unsure of {changes}, in {units.plural(unsure[0].ratio.rounds, 'round')}")


def _rounds_left_out(pairs: RoundRatios) -> Iterator[Finding]:
    saturated, driven = pairs.saturated.count(True), units.plural(len(pairs.saturated), "round")
    if saturated:
        yield _note("", f"{saturated} of {driven} not judged: the load generator was saturated")


def _which_moved(told: _Told, judged: Sequence[_Told], claims: dict[str, FindingKind]) -> str:
    """Whether only the middle moved, or only the tail; empty where both did, and where it is no time."""
    other = next((each for each in judged if each.name in _TIMES and each.name != told.name), None)
    if told.name not in _TIMES or other is None or claims.get(other.name) is claims[told.name]:
        return ""
    still = f"{METRICS[other.name]} {units.change(other.ratio.ratio)}"
    if other.ratio.decision is Decision.UNSURE:
        return f"; {_TIMES[told.name]} moved, of {_TIMES[other.name]} one can't be sure ({still})"
    return f"; {_TIMES[told.name]} moved, not {_TIMES[other.name]} ({still})"


def _note(part: str, sentence: str) -> Finding:
    return Finding(kind=FindingKind.HISTORY, part=part, sentence=BESIDE + sentence)
