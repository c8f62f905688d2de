"""What is worth a reviewer's time in a run: what missed a target or changed, worst first, and the rest counted.

The comment on a pull request and the summary of a CI job are made from it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite, log

from loadtasks import units
from loadtasks.measurement.metrics import metric_label
from loadtasks.report.findings import RenderedFinding, render_findings
from loadtasks.report.noise import claimed_change
from loadtasks.report.sentences import phrases
from loadtasks.report.sentences.targets import render_target
from loadtasks.report.text import label
from loadtasks.report.verdicts import SYMBOL
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.error_counts import ErrorCounts
from loadtasks.results.findings.causes.slowness import SlowStep
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.reference import MetricRatio
from loadtasks.results.findings.targets import TargetMissed
from loadtasks.results.judgement import MetricComparison, Verdict

INCONCLUSIVE = "·"
"""The mark of what was compared without a decision, as in all reports."""
_ORDER = (Verdict.FAIL, Verdict.REGRESSED, Verdict.IMPROVED)
_VERDICT = {
    FindingKind.TARGET: Verdict.FAIL,
    FindingKind.REGRESSION: Verdict.REGRESSED,
    FindingKind.IMPROVEMENT: Verdict.IMPROVED,
}
_INCONCLUSIVE_CODES = tuple(code for code in FindingCode if code.value.endswith("inconclusive"))
"""Comparisons without a decision, whatever was compared."""
_WITHOUT_BOUNDS = {
    FindingCode.NOTHING_SUCCEEDED: "no request succeeded",
    FindingCode.TARGET_NOT_EVALUATED: "target could not be evaluated",
}
_STEPS = {
    "waiting": "free connection",
    "first_byte": "first byte",
    "outside": "before the target",
    "unnamed": "own code",
}
"""Short names of the steps of a request that are no phase of the target."""


@dataclass(frozen=True)
class Change:
    """One metric of a scenario that missed its target, changed for the worse or the better, or may have."""

    result: str
    """The name of the scenario, as the results file has it."""
    scenario: str
    """As people read it, with the part of a mixed one."""
    metric: str
    """The name in the registry; empty where no single one was judged."""
    before: float | None
    """Of the reference, the baseline or the other run; None where nothing is comparable."""
    now: float | None
    verdicts: tuple[Verdict, ...] = ()
    """What it led to, the gravest first; empty where it is inconclusive."""
    ratio: float | None = None
    low: float | None = None
    """The lower end of the ratio's interval; None where there is none."""
    high: float | None = None
    """The upper end of the ratio's interval; None where there is none."""
    errors: ErrorCounts | None = None
    """Of a success rate that changed against its baseline the requests that failed; else None."""
    target: str = ""
    """The target that was missed: `< 2.00 s`; empty where none was."""
    cause: str = ""
    """The likely cause in a few words: `own code +0.36 ms`; empty where none is known."""

    @property
    def marks(self) -> str:
        """The signs of its verdicts: `✗ ▲`."""
        return " ".join(SYMBOL[verdict] for verdict in self.verdicts) or INCONCLUSIVE

    @property
    def label(self) -> str:
        """The name of the metric."""
        return metric_label(self.metric)

    @property
    def change(self) -> str:
        """How it changed: `+11.5 %`, `errors 0 → 0.5 %`; empty where nothing was compared."""
        if self.errors is not None:
            return f"errors {' → '.join(units.error_rates(self.errors.rate_before, self.errors.rate))}"
        return units.precise_change(self.ratio) if self.ratio is not None else ""

    @property
    def interval(self) -> str:
        """Between which changes, or error rates, it lies: `+9.8 to +13.2 %`; empty where there is no interval."""
        if self.errors is not None:
            return phrases.error_interval(self.errors)
        if self.ratio is None or self.low is None or self.high is None or self.low >= self.high:
            return ""
        return units.precise_changes(self.low, self.high)

    @property
    def size(self) -> float:
        """How large it is, as the absolute logarithm of the ratio; infinite where nothing is left of the value."""
        if self.ratio is None:
            return 0.0
        return abs(log(self.ratio)) if self.ratio > 0 and isfinite(self.ratio) else inf


@dataclass
class RunChanges:
    """A run as a reviewer reads it."""

    changes: list[Change] = field(default_factory=list)
    """What missed a target, regressed or improved, worst first."""
    inconclusive: list[Change] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    """The scenarios about which the comparison says nothing yet: inconclusive, and nothing else about them."""
    more_s: float | None = None
    """Seconds of load after which these would be decided, all together; None where that is unknown."""
    unchanged: list[str] = field(default_factory=list)
    """The scenarios that were compared, and found neither worse nor better."""
    uncompared: list[str] = field(default_factory=list)
    """The scenarios that met their targets and have nothing to be compared with."""
    causes: list[RenderedFinding] = field(default_factory=list)
    """The causes of what is bad, in the order of the changes."""


def changes_of(document: ResultsDocument) -> RunChanges:
    """What a run shows, sorted for somebody who reviews a change."""
    found = RunChanges()
    waits: list[float | None] = []
    for result in document.scenarios:
        if result.verdict is Verdict.INVALID:
            continue
        decided = list(_decided(result))
        undecided = [finding for finding in result.findings if finding.code in _INCONCLUSIVE_CODES]
        found.changes += decided
        found.inconclusive += [change for finding in undecided for change in _undecided(result, finding)]
        if undecided:
            waits.append(getattr(undecided[0].parameters, "more_s", None))
        if result.verdict is Verdict.PASS:
            group = found.undecided if undecided else found.unchanged if result.comparisons else found.uncompared
            group.append(label(result.scenario))
    found.changes.sort(key=lambda change: (_ORDER.index(change.verdicts[0]), -change.size))
    found.more_s = sum(wait for wait in waits if wait is not None) if waits and None not in waits else None
    bad = {result.scenario: result for result in document.scenarios if not result.verdict.good}
    order = {name: place for place, name in enumerate(dict.fromkeys(change.result for change in found.changes))}
    found.causes = [
        rendered
        for scenario in sorted(bad, key=lambda name: order.get(name, len(order)))
        for rendered in render_findings(bad[scenario])
        if rendered.finding.kind is FindingKind.DIAGNOSIS and bad[scenario].verdict is not Verdict.INVALID
    ]
    return found


def _decided(result: ScenarioResult) -> Iterator[Change]:
    """The changes of one scenario that decide something, one a metric of a part."""
    deciding = [finding for finding in result.findings if _verdict_of(finding) is not None]
    grouped: dict[tuple[str, str], list[Finding]] = {}
    for finding in deciding:
        grouped.setdefault((finding.part, finding.metric), []).append(finding)
    for (part, metric), findings in grouped.items():
        verdicts = {verdict for finding in findings if (verdict := _verdict_of(finding)) is not None}
        compared = _comparison(result, part, metric)
        ratio, low, high = claimed_change(findings, compared)
        missed = next((finding for finding in findings if finding.kind is FindingKind.TARGET), None)
        shifted = next((finding for finding in findings if finding.kind is not FindingKind.TARGET), None)
        before = shifted.limit if shifted is not None else compared.baseline if compared is not None else None
        yield Change(
            result=result.scenario,
            scenario=label(result.scenario, part),
            metric=metric,
            before=before,
            now=findings[0].observed,
            verdicts=tuple(verdict for verdict in _ORDER if verdict in verdicts),
            ratio=ratio,
            low=low,
            high=high,
            errors=getattr(shifted.parameters, "errors", None) if shifted is not None else None,
            target=_target(missed) if missed is not None else "",
            cause=short_cause(result.findings, part) if Verdict.IMPROVED not in verdicts else "",
        )


def _verdict_of(finding: Finding) -> Verdict | None:
    if finding.kind is FindingKind.TARGET and not finding.misses_target:
        return None
    return _VERDICT.get(finding.kind)


def _undecided(result: ScenarioResult, finding: Finding) -> Iterator[Change]:
    ratios: Sequence[MetricRatio] = getattr(finding.parameters, "metrics", ())
    for ratio in ratios:
        compared = _comparison(result, finding.part, ratio.metric)
        yield Change(
            result=result.scenario,
            scenario=label(result.scenario, finding.part),
            metric=ratio.metric,
            before=compared.baseline if compared is not None else None,
            now=compared.observed if compared is not None else None,
            ratio=ratio.ratio,
            low=ratio.low,
            high=ratio.high,
        )


def _comparison(result: ScenarioResult, part: str, metric: str) -> MetricComparison | None:
    return next((found for found in result.comparisons if (found.part, found.metric) == (part, metric)), None)


def _target(finding: Finding) -> str:
    parameters = finding.parameters
    if isinstance(parameters, TargetMissed):
        if parameters.bounds:
            return f"target {render_target(finding.metric, parameters.bounds)}"
        return f"{parameters.expectation} of {parameters.suite}"
    return _WITHOUT_BOUNDS.get(finding.code, finding.code.value.replace("_", " "))


def short_cause(findings: Iterable[Finding], part: str) -> str:
    """The step of the requests that got slower, and by how much: `database +360 µs`; empty where none is named."""
    for finding in findings:
        parameters = finding.parameters
        if finding.kind is not FindingKind.DIAGNOSIS or not isinstance(parameters, SlowStep):
            continue
        if finding.part not in (part, ""):
            continue
        step = parameters.step
        name = step.phase or _STEPS.get(step.name, step.name)
        if step.before_s is None:
            return f"{name} {units.duration(step.now_s)}"
        grown = step.now_s - step.before_s
        return f"{name} {'+' if grown >= 0 else ''}{units.duration(grown)}"
    return ""
