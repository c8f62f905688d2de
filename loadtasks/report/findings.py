"""The findings of a run as reports show them: which ones, in which order, in which words."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from loadtasks import units
from loadtasks.measurement.metrics import metric_label
from loadtasks.measurement.model import Measurement
from loadtasks.plain_text import plain
from loadtasks.report import sentences
from loadtasks.report.comparison_summary import OF_THE_RUN
from loadtasks.report.percentiles import confidence
from loadtasks.report.text import label
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode, FindingKind, Likelihood, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import RegressionShift
from loadtasks.results.judgement import Verdict

_KIND = {
    FindingKind.VALIDITY: "Invalid",
    FindingKind.TARGET: "Target missed",
    FindingKind.REGRESSION: "Regression",
    FindingKind.IMPROVEMENT: "Improvement",
    FindingKind.DIAGNOSIS: "Likely cause",
    FindingKind.HISTORY: "Note",
    FindingKind.NOTE: "Note",
}
"""What stands before a finding, in the order of the findings: what decides the verdict comes first."""
_TITLE = {
    FindingCode.REGRESSION_ACKNOWLEDGED: "Known regression",
    FindingCode.RECOVERING: "Recovering",
    FindingCode.RECOVERED: "Recovered",
    FindingCode.SUSPECTED: "Suspected",
    FindingCode.CREEP: "Creep",
    FindingCode.ACCEPTED_AUTOMATICALLY: "Accepted automatically",
    FindingCode.THRESHOLD_RAISED: "Threshold raised",
    FindingCode.ENVIRONMENT_CHANGED: "Environment changed",
    FindingCode.CONFIRMATION: "Confirmation",
    FindingCode.INVALID_REPEATED: "Repeated",
    FindingCode.INCONCLUSIVE: "Inconclusive",
    FindingCode.OTHER_RUN_INCONCLUSIVE: "Inconclusive",
    FindingCode.TARGET_NOT_EVALUATED: "Target not evaluated",
    FindingCode.NOTHING_SUCCEEDED: "Nothing succeeded",
    FindingCode.ERRORS: "Errors",
}
"""The same of codes that say more than their kind."""
_POSSIBLE = "Possible cause"
_WARNING = "Warning"
_ORDER = {kind: number for number, kind in enumerate(_KIND)}
_FOR_PROGRAMS = (FindingCode.TARGETS_MET,)
"""Findings that say what no reader asks for, and what outputs for programs, such as JUnit, are made from."""
_THROTTLING_CAUSES = (FindingCode.RATE_LIMITED, FindingCode.RATE_LIMIT_WITHOUT_RETRY_AFTER)


@dataclass(frozen=True)
class RenderedFinding:
    """A finding in words, with the scenario and the endpoint that it is about."""

    result: ScenarioResult
    finding: Finding

    @property
    def label(self) -> str:
        """The scenario, with the part of a mixed one: `mixed.concurrent (sessions)`."""
        return label(self.result.scenario, self.finding.part)

    @property
    def endpoint(self) -> str:
        """The endpoint whose targets apply: in a mixed scenario, that of the part."""
        measurement = self._measurement
        return measurement.endpoint if measurement is not None else self.result.endpoint

    @property
    def title(self) -> str:
        """What kind of finding it is: `Target missed`, `Possible cause`."""
        if self.finding.kind is FindingKind.DIAGNOSIS and self.finding.likelihood is Likelihood.POSSIBLE:
            return _POSSIBLE
        if self.finding.kind is FindingKind.NOTE and self.finding.severity is Severity.WARNING:
            return _WARNING
        return _TITLE.get(self.finding.code, _KIND[self.kind])

    @property
    def kind(self) -> FindingKind:
        """The finding's kind; of a missed target that decides nothing, a note."""
        missed = self.finding.kind is FindingKind.TARGET
        return FindingKind.NOTE if missed and not self.finding.misses_target else self.finding.kind

    @property
    def has_title(self) -> bool:
        """Whether the title says more than that it is a note."""
        return self.title != _KIND[FindingKind.NOTE]

    @property
    def sentence(self) -> str:
        """The finding as a sentence without its full stop."""
        return plain(sentences.sentence(self.finding)).rstrip(".")

    @property
    def next_step(self) -> str:
        """What to do or to look at, as a sentence; empty where there is nothing to do."""
        step = plain(sentences.next_step(self.finding)).rstrip(".")
        return f"Next: {step}." if step else ""

    @property
    def confidence(self) -> str:
        """How precise a judged percentile is; empty where no percentile was judged."""
        if self._measurement is None or self.finding.observed is None:
            return ""
        return confidence(self._measurement, self.finding.metric)

    @property
    def metric(self) -> str:
        """The label of the judged metric; empty where none was judged."""
        return metric_label(self.finding.metric)

    @property
    def observed(self) -> str:
        """The observed value with its unit."""
        return units.value(self.finding.metric, self.finding.observed)

    @property
    def limit(self) -> str:
        """The limit of the target or the level of the baseline, with its unit."""
        return units.value(self.finding.metric, self.finding.limit)

    @property
    def excess(self) -> float:
        """How far the value is beyond the limit, as a factor above 1; 0 where no number was judged.

        That nothing succeeded is beyond any limit.
        """
        if self.finding.code is FindingCode.NOTHING_SUCCEEDED:
            return inf
        observed, limit = self.finding.observed, self.finding.limit
        if not observed or not limit or observed < 0 or limit < 0:
            return 0.0
        return max(observed / limit, limit / observed)

    @property
    def _measurement(self) -> Measurement | None:
        parts = (found for found in self.result.measurements if found.part == self.finding.part)
        return next(parts, None)


def within_run(rendered: RenderedFinding, run_id: str) -> RenderedFinding:
    """The finding for a page that shows the id of its run already: a change since that run began in this run."""
    parameters = rendered.finding.parameters
    if not run_id or getattr(parameters, "first_run", None) != run_id:
        return rendered
    unnamed = parameters.model_copy(update={"first_run": ""})
    return RenderedFinding(rendered.result, rendered.finding.model_copy(update={"parameters": unnamed}))


def named_once(findings: Iterable[RenderedFinding]) -> list[RenderedFinding]:
    """Findings of which only the first of a regression names it, and says since when it is known."""
    named: set[tuple[int, str]] = set()
    shown = []
    for rendered in findings:
        parameters = rendered.finding.parameters
        if type(parameters) is RegressionShift and parameters.regression is not None:
            regression = (parameters.regression, rendered.finding.part)
            if regression in named:
                unnamed = parameters.model_copy(update={"regression": None, "found_run": None})
                rendered = RenderedFinding(  # noqa: PLW2901
                    rendered.result, rendered.finding.model_copy(update={"parameters": unnamed})
                )
            named.add(regression)
        shown.append(rendered)
    return shown


def render_findings(result: ScenarioResult) -> list[RenderedFinding]:
    """A scenario's findings, what decides first: validity, targets, regressions, improvements, causes, notes.

    Those for programs are left out.
    """
    rendered = [RenderedFinding(result, found) for found in result.findings if found.code not in _FOR_PROGRAMS]
    return sorted(rendered, key=lambda finding: _ORDER[finding.kind])


def findings_on_page(result: ScenarioResult) -> list[RenderedFinding]:
    """A scenario's findings without those that are shown once for the run or that a cause repeats."""
    throttled = any(finding.code in _THROTTLING_CAUSES and not finding.part for finding in result.findings)
    return [
        rendered
        for rendered in render_findings(result)
        if rendered.finding.code not in OF_THE_RUN
        and not (throttled and rendered.finding.code is FindingCode.THROTTLED)
    ]


def findings_in_short(result: ScenarioResult) -> list[RenderedFinding]:
    """The findings of a page without notes on raised thresholds, and on percentiles from few requests that met targets.

    The table marks those percentiles.
    """
    missed = {finding.metric for finding in result.findings if finding.misses_target}
    return [
        rendered
        for rendered in findings_on_page(result)
        if rendered.finding.code is not FindingCode.THRESHOLD_RAISED
        and (rendered.finding.code is not FindingCode.INSUFFICIENT_SAMPLE or rendered.finding.metric in missed)
    ]


def findings_of_kind(document: ResultsDocument, kind: FindingKind) -> list[RenderedFinding]:
    """All findings of a kind, in the run's order; of missed targets those that decide the verdict."""
    return [rendered for result in document.scenarios for rendered in render_findings(result) if rendered.kind is kind]


def notes(document: ResultsDocument) -> list[RenderedFinding]:
    """The findings that decide nothing and explain nothing that is wrong, in the run's order."""
    return [
        rendered
        for result in document.scenarios
        for rendered in findings_on_page(result)
        if rendered.kind in (FindingKind.NOTE, FindingKind.HISTORY)
        and rendered.finding.code is not FindingCode.INSUFFICIENT_SAMPLE
    ]


def invalid_reasons(document: ResultsDocument) -> dict[str, str]:
    """Why scenarios are invalid, by scenario; planned ones that left no trace too."""
    reasons = {}
    for result in document.scenarios:
        if result.verdict is Verdict.INVALID:
            why = [found.sentence for found in render_findings(result) if found.finding.kind is FindingKind.VALIDITY]
            unknown = "no reason was kept" if result.measurements else "it was not measured, and no reason was kept"
            reasons[label(result.scenario)] = "; ".join(why) or unknown
    measured = {result.scenario for result in document.scenarios}
    for scenario in document.run.scenarios:
        if scenario not in measured:
            reasons[label(scenario)] = "it was planned, but the run ended without it"
    return reasons
