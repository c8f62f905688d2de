"""What a run is told in: the words for verdicts, the reason in one sentence, what was missed and what is not known.

Texts that come from targets and files pass `plain` before they reach a terminal, a mail header or a Markdown file.
"""

import unicodedata
from collections import Counter
from dataclasses import dataclass

from loadtasks import units
from loadtasks.measurement.model import METRICS, Measurement, label_of
from loadtasks.report import sentences
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import Verdict
from loadtasks.verdict.history.findings import NOT_COMPARED
from loadtasks.verdict.targets import throttling
from loadtasks.verdict.targets.percentiles import NOT_KNOWN, PERCENTILES, interval_s, untold

WORD = {
    Verdict.PASS: "PASS",
    Verdict.FAIL: "FAIL",
    Verdict.REGRESSED: "REGRESSED",
    Verdict.IMPROVED: "IMPROVED",
    Verdict.INVALID: "INVALID",
}
SYMBOL = {
    Verdict.PASS: "✓",
    Verdict.FAIL: "✗",
    Verdict.REGRESSED: "▲",
    Verdict.IMPROVED: "▼",
    Verdict.INVALID: "?",
}
"""A shape for each verdict, so that colour never is the only meaning (▲: the times rose)."""
KIND_WORD = {
    FindingKind.VALIDITY: "Not valid",
    FindingKind.TARGET: "Target missed",
    FindingKind.REGRESSION: "Worse than before",
    FindingKind.IMPROVEMENT: "Better than before",
    FindingKind.DIAGNOSIS: "Likely cause",
    FindingKind.HISTORY: "History",
    FindingKind.NOTE: "Note",
}
POSSIBLE = "Possible cause"
_REASON = {
    Verdict.FAIL: FindingKind.TARGET,
    Verdict.REGRESSED: FindingKind.REGRESSION,
    Verdict.IMPROVED: FindingKind.IMPROVEMENT,
    Verdict.INVALID: FindingKind.VALIDITY,
}
_DECIDES_FIRST = {kind: place for place, kind in enumerate(KIND_WORD)}


@dataclass(frozen=True)
class RenderedFinding:
    """A finding with the scenario and the endpoint that it is about."""

    result: ScenarioResult
    finding: Finding

    @property
    def label(self) -> str:
        """`mixed.concurrent (sessions)`."""
        return label(self.result.scenario, self.finding.part)

    @property
    def endpoint(self) -> str:
        """The endpoint whose targets it is held to: the part's own in a mixed scenario."""
        parts = (
            measurement.endpoint for measurement in self.result.measurements if measurement.part == self.finding.part
        )
        return next(parts, self.result.endpoint)

    @property
    def confidence(self) -> str:
        """Of a percentile where the true one lies, or that it can't be told; empty where it is none."""
        measurement = next((each for each in self.result.measurements if each.part == self.finding.part), None)
        if measurement is None or self.finding.observed is None or self.finding.metric not in PERCENTILES:
            return ""
        bounds_s = interval_s(measurement, self.finding.metric)
        if bounds_s is not None:
            return f"{units.interval(bounds_s)} with 95 % confidence"
        return untold(measurement, self.finding.metric) or ""

    @property
    def kind(self) -> str:
        """Which question it answers, in people's words; a cause that isn't sure says so."""
        return KIND_WORD[self.finding.kind] if self.finding.sure else POSSIBLE

    @property
    def next_step(self) -> str:
        """What to do or to look at, as a sentence; empty where there is nothing to be done."""
        step = plain(sentences.next_step(self.finding)).rstrip(".")
        return f"Next: {step}." if step else ""

    @property
    def metric(self) -> str:
        """The metric in people's words; empty where no number was judged."""
        return METRICS.get(self.finding.metric, self.finding.metric)

    @property
    def observed(self) -> str:
        """What was observed, in its unit."""
        return units.value(self.finding.metric, self.finding.observed)

    @property
    def limit(self) -> str:
        """The target's limit, or the level before, in its unit."""
        return units.value(self.finding.metric, self.finding.limit)

    @property
    def sentence(self) -> str:
        """The finding's sentence, with observed and limit added where it doesn't name them."""
        sentence = plain(sentences.sentence(self.finding)).rstrip(".")
        if self.finding.observed is None or self.finding.limit is None:
            return sentence
        if _names(sentence, self.observed) and _names(sentence, self.limit):
            return sentence
        return f"{sentence} ({self.metric}: observed {self.observed}, limit {self.limit})"

    @property
    def excess(self) -> float:
        """How far beyond the limit, as a factor above 1; 0 where no number was judged."""
        observed, limit = self.finding.observed, self.finding.limit
        if not observed or not limit or observed < 0 or limit < 0:
            return 0.0
        return max(observed / limit, limit / observed)


def label(scenario: str, part: str = "") -> str:
    """How people read a scenario, or a part of a mixed one: `mixed.concurrent (sessions)`."""
    return plain(label_of(scenario, part))


def plain(text: str) -> str:
    """One line without control characters, escape sequences, direction marks or lone surrogates."""
    kept = ("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) == "Cs" else c for c in text)
    clean = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in kept)
    return " ".join("".join(c for c in clean if unicodedata.category(c) != "Cf").split())


def findings(result: ScenarioResult) -> list[RenderedFinding]:
    """A scenario's findings, what decides first: validity, targets, regressions, improvements, diagnosis, notes."""
    return [
        RenderedFinding(result, finding)
        for finding in sorted(result.findings, key=lambda finding: _DECIDES_FIRST[finding.kind])
    ]


def telling(result: ScenarioResult) -> list[RenderedFinding]:
    """A scenario's findings without those told elsewhere: that it isn't judged by its past, and causes."""
    throttled = any(
        finding.kind is FindingKind.DIAGNOSIS and not finding.part and finding.sentence.startswith(throttling.CAUSE)
        for finding in result.findings
    )
    return [
        finding
        for finding in findings(result)
        if not _is_uncompared(finding.finding)
        and not (throttled and finding.finding.kind is FindingKind.NOTE and finding.finding.metric == "throttled")
    ]


def pressing(result: ScenarioResult) -> list[RenderedFinding]:
    """The same without notes on percentiles that can't be told and met their targets: the table marks those."""
    missed = {finding.metric for finding in result.findings if finding.kind is FindingKind.TARGET}
    return [each for each in telling(result) if not _not_known(each) or each.finding.metric in missed]


def told(document: ResultsDocument, *kinds: FindingKind) -> list[RenderedFinding]:
    """All findings of these kinds, in the run's order."""
    return [finding for result in document.scenarios for finding in findings(result) if finding.finding.kind in kinds]


def misses(document: ResultsDocument) -> list[RenderedFinding]:
    """Every missed target and every regression of the run."""
    return told(document, FindingKind.TARGET, FindingKind.REGRESSION)


def invalid(document: ResultsDocument) -> dict[str, str]:
    """The scenarios of which nothing is claimed, each with the reason; planned ones that left no trace too."""
    reasons = {}
    for result in document.scenarios:
        if result.verdict is Verdict.INVALID:
            why = [finding.sentence for finding in findings(result) if finding.finding.kind is FindingKind.VALIDITY]
            reasons[label(result.scenario)] = "; ".join(why) or _without_reason(result.measurements)
    for scenario in document.run.scenarios:
        if all(result.scenario != scenario for result in document.scenarios):
            reasons[label(scenario)] = "it was planned, and the run ended without it"
    return reasons


def notes(document: ResultsDocument) -> list[RenderedFinding]:
    """What was not judged, and why; of percentiles that can't be told `RenderedFinding.confidence` says so."""
    return [
        each
        for result in document.scenarios
        for each in telling(result)
        if each.finding.kind in (FindingKind.NOTE, FindingKind.HISTORY) and not _not_known(each)
    ]


def compared(document: ResultsDocument) -> str:
    """What the run was compared with, and what was not compared, in sentences."""
    valid = [
        scenario for scenario in document.scenarios if scenario.measurements and scenario.verdict is not Verdict.INVALID
    ]
    others: dict[str, list[str]] = {}
    reasons: dict[str, list[str]] = {}
    for result in valid:
        if result.comparisons:
            others.setdefault(_compared_with(document, result), []).append(label(result.scenario))
        elif document.run.reference_url is not None:
            reasons.setdefault("Not compared with its reference", []).append(label(result.scenario))
        for finding in result.findings:
            if _is_uncompared(finding):
                reason = plain(finding.sentence).removeprefix(NOT_COMPARED)
                reasons.setdefault(f"Not judged by its past ({reason})", []).append(label(result.scenario))
    if valid and not reasons and not others:
        return "There was no earlier night to compare with."
    sentences = [
        f"Compared with {other}" + ("" if len(others) == 1 else f": {', '.join(scenarios)}")
        for other, scenarios in others.items()
    ]
    for reason, scenarios in reasons.items():
        whose = "every scenario" if len(scenarios) == len(valid) > 1 else ", ".join(scenarios)
        sentences.append(f"{reason}: {whose}")
    return "".join(f"{sentence}. " for sentence in sentences).rstrip()


def reference(document: ResultsDocument) -> str:
    """The run's reference, by its version where it tells one; empty where there is none."""
    url, version = document.run.reference_url, document.run.reference_version
    return plain(f"version {version} at {url}" if version else url or "")


def tally(document: ResultsDocument) -> str:
    """How many scenarios have which verdict: `7 pass, 1 fail, 1 invalid`."""
    counts = Counter(result.verdict for result in document.scenarios)
    return ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict if counts[verdict]) or "no scenario"


def headline(document: ResultsDocument) -> str:
    """The reason for the run's verdict, in one sentence without its full stop."""
    if document.verdict is Verdict.PASS:
        return _all_well(document)
    if document.verdict is Verdict.INVALID:
        return _nothing_claimed(document)
    reasons = [
        each for each in told(document, _REASON[document.verdict]) if each.result.verdict is document.verdict
    ] or told(document, _REASON[document.verdict])
    if not reasons:
        return f"{tally(document)}; no finding says why"
    worst = max(reasons, key=lambda reason: reason.excess)
    sentence = f"{worst.label}{':' if worst.sentence[:1].isdigit() else ''} {worst.sentence}"
    if document.verdict is Verdict.IMPROVED:
        sentence = f"all targets met, and {sentence}"
    return f"{sentence}, and {len(reasons) - 1} more" if len(reasons) > 1 else sentence


def _compared_with(document: ResultsDocument, result: ScenarioResult) -> str:
    if document.other_run is not None:
        return f"run {plain(document.other_run)}; two runs alone can't tell a change from noise"
    return f"the reference, {reference(document)}" if result.round_ratios else "the median of the nights before"


def _names(sentence: str, number: str) -> bool:
    """Whether a sentence names a number, with or without the zeros at its end."""
    digits, _, unit = number.partition(" ")
    short = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return number in sentence or f"{short} {unit}".strip() in sentence


def _is_uncompared(finding: Finding) -> bool:
    """Whether it says no more than that a night isn't judged by its past, which is told for the whole run."""
    return finding.kind is FindingKind.HISTORY and finding.sentence.startswith(NOT_COMPARED)


def _not_known(told: RenderedFinding) -> bool:
    return told.finding.kind is FindingKind.NOTE and told.finding.sentence.startswith(NOT_KNOWN)


def _all_well(document: ResultsDocument) -> str:
    number = len(document.scenarios)
    met = "the one scenario met its targets" if number == 1 else f"all {number} scenarios met their targets"
    if document.other_run is not None or not any(result.comparisons for result in document.scenarios):
        return met
    return f"{met}, and nothing got worse than before"


def _nothing_claimed(document: ResultsDocument) -> str:
    reasons = invalid(document)
    if not reasons:
        return "nothing was measured"
    scenario, reason = next(iter(reasons.items()))
    if len(reasons) > 1 and len(reasons) == len(document.scenarios) and len(set(reasons.values())) == 1:
        return f"no scenario could be measured: {reason}"
    more = len(reasons) - 1
    sentence = f"{scenario}: {reason}"
    return f"{sentence}; and {more} more invalid" if more else sentence


def _without_reason(measurements: list[Measurement]) -> str:
    return "no finding says why" if measurements else "it was not measured, and no reason was kept"
