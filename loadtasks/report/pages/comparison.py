"""Two runs side by side: what differs in how they were made, the ratio of every metric, and their distributions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite, log

from loadtasks import units
from loadtasks.measurement.metrics import METRICS, Unit
from loadtasks.measurement.model import Measurement, label_of
from loadtasks.measurement.pruned_histogram import PrunedHistogram
from loadtasks.plain_text import plain
from loadtasks.report.charts.distribution import Distribution, DistributionChart
from loadtasks.report.charts.states import ChartState
from loadtasks.report.findings import RenderedFinding, render_findings
from loadtasks.report.load_sentence import load_sentence
from loadtasks.report.pages.regressions import ListedRegression
from loadtasks.report.sentences import phrases
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.fingerprint import Difference, FingerprintField
from loadtasks.results.judgement import MetricComparison
from loadtasks.results.run import Run
from loadtasks.results.run_browser import ListedRun

COLUMNS = ("p50_s", "p95_s", "throughput_per_s", "success_rate")
"""The metrics of the table; the chosen scenario shows all."""
REFERENCE = "reference"
"""In place of a run: the reference of a paired run, which was measured in turn with it."""
_NOT_COMPARED = (
    FindingCode.NOT_COMPARABLE,
    FindingCode.OTHER_RUN_NOT_COMPARED,
    FindingCode.REFERENCE_MISSING,
    FindingCode.REFERENCE_INVALID,
    FindingCode.REFERENCE_FAILING,
)


@dataclass(frozen=True)
class ComparedMetric:
    """One metric in both runs."""

    comparison: MetricComparison
    state: ChartState
    """Regressed or improved beyond doubt; otherwise no verdict, and grey."""

    @property
    def is_decided(self) -> bool:
        """Whether the runs differ by more than two runs of one build may."""
        return self.state is not ChartState.NO_BASELINE

    @property
    def is_share(self) -> bool:
        """Whether its values are shown instead of a ratio."""
        return METRICS[self.comparison.metric].unit is Unit.SHARE

    @property
    def change(self) -> str:
        """How the first run differs from the second: `+11.5 %`; of a share the later value."""
        if self.is_share:
            return units.value(self.comparison.metric, self.comparison.observed)
        return units.precise_change(self.comparison.ratio)

    @property
    def interval(self) -> str:
        """Between which changes the true one lies: `+9.8 to +13.2 %`; of a share the earlier value."""
        one = self.comparison
        if self.is_share:
            return f"{units.value(one.metric, one.baseline)} before"
        return units.precise_changes(one.low, one.high) if one.low is not None and one.high is not None else ""

    @property
    def values(self) -> str:
        """Both values: `182 ms → 251 ms`."""
        return phrases.from_to(self.comparison.metric, self.comparison.baseline, self.comparison.observed)

    @property
    def size(self) -> float:
        """How large the change is, as the absolute logarithm of the ratio."""
        ratio = self.comparison.ratio
        return abs(log(ratio)) if ratio and ratio > 0 and isfinite(ratio) else 0.0


@dataclass(frozen=True)
class ComparedRow:
    """One scenario, or one part of it, in both runs."""

    result: ScenarioResult
    part: str
    metrics: dict[str, ComparedMetric]

    @property
    def label(self) -> str:
        """The scenario as people read it, with its part."""
        return plain(label_of(self.result.scenario, self.part))

    @property
    def state(self) -> ChartState:
        """The gravest of its metrics' states."""
        states = [metric.state for metric in self.metrics.values()]
        order = (ChartState.REGRESSED, ChartState.IMPROVED)
        return next((state for state in order if state in states), ChartState.NO_BASELINE)

    @property
    def order(self) -> tuple[int, float]:
        """What rows are sorted by: worse, then better, then the others, the largest change first."""
        order = (ChartState.REGRESSED, ChartState.IMPROVED, ChartState.NO_BASELINE)
        size = max((metric.size for name, metric in self.metrics.items() if name in COLUMNS), default=0.0)
        return order.index(self.state), -size


@dataclass(frozen=True)
class RunDifference:
    """One thing in which the two runs were made differently, so that what they measured can't be compared."""

    what: str
    now: str
    before: str
    scenarios: list[str]
    """The scenarios that it concerns."""


@dataclass(frozen=True)
class RunChoices:
    """What the pickers offer."""

    runs: Sequence[ListedRun] = ()
    """The newest runs."""
    versions: Sequence[Run] = ()
    """The last run of each version of the target."""
    baselines: dict[str, list[str]] = field(default_factory=dict)
    """The baseline runs, each with its scenarios."""


@dataclass(frozen=True)
class ComparePage:
    """What the page of two runs shows."""

    service: str
    now: ListedRun
    before: ListedRun | None
    """None: the reference of the first run."""
    compared: ResultsDocument | None
    """The first run compared with the second; None where they can't be."""
    choices: RunChoices
    scenario: str
    part: str
    refusal: str = ""
    """Why they can't be compared; empty where they can."""
    differences: Sequence[RunDifference] = ()
    between: Sequence[ListedRegression] = ()
    """The confirmed regressions whose first run is the later of both, or lies between them."""

    @cached_property
    def rows(self) -> list[ComparedRow]:
        """What could be compared, worst first."""
        results = self.compared.scenarios if self.compared is not None else []
        rows = [row for result in results for row in _rows(result)]
        return sorted(rows, key=lambda row: row.order)

    @property
    def not_compared(self) -> list[RenderedFinding]:
        """Why scenarios were not compared."""
        return self._findings(*_NOT_COMPARED)

    @property
    def allowance(self) -> str:
        """How much two runs of one build are taken to differ, in a sentence; empty where that isn't known."""
        return next((rendered.sentence for rendered in self._findings(FindingCode.RUN_ALLOWANCE)), "")

    @cached_property
    def chosen(self) -> ComparedRow | None:
        """The scenario whose distributions are shown: the one asked for, else the first of the table."""
        wanted = (row for row in self.rows if (row.result.scenario, row.part) == (self.scenario, self.part))
        return next(wanted, self.rows[0] if self.rows else None)

    @property
    def causes(self) -> list[RenderedFinding]:
        """Why the chosen scenario is worse."""
        rendered = render_findings(self.chosen.result) if self.chosen is not None else []
        return [one for one in rendered if one.kind is FindingKind.DIAGNOSIS]

    @cached_property
    def distribution(self) -> DistributionChart | None:
        """Both distributions of the chosen scenario; None where either is missing or was pruned."""
        if self.chosen is None:
            return None
        result, part = self.chosen.result, self.chosen.part
        now, before = _of_part(result.measurements, part), _of_part(result.baseline, part)
        if now is None or before is None:
            return None
        reference = self.now.run.reference_version or "the reference"
        older = _name(self.before.run) if self.before is not None else reference
        lines = [
            Distribution(older, before.response, is_baseline=True),
            Distribution(_name(self.now.run), now.response),
        ]
        return DistributionChart(title=f"Response time by percentile of {self.chosen.label}", lines=lines)

    def _findings(self, *codes: FindingCode) -> list[RenderedFinding]:
        results = self.compared.scenarios if self.compared is not None else []
        return [
            rendered for result in results for rendered in render_findings(result) if rendered.finding.code in codes
        ]


def find_differences(
    document: ResultsDocument, pairs: Iterable[tuple[str, Sequence[Difference]]]
) -> list[RunDifference]:
    """What differs in how two runs were made, each thing once. `pairs`: by scenario, what differs."""
    found: dict[tuple[FingerprintField, str, str], list[str]] = {}
    for scenario, differences in pairs:
        for one in differences:
            key = (one.field, _in_words(one.field, one.now), _in_words(one.field, one.before))
            found.setdefault(key, []).append(scenario)
    number = len(document.scenarios)
    return [
        RunDifference(key[0].label, key[1], key[2], scenarios if len(scenarios) < number else [])
        for key, scenarios in found.items()
    ]


def _rows(result: ScenarioResult) -> Iterable[ComparedRow]:
    parts: dict[str, dict[str, ComparedMetric]] = {}
    for one in result.comparisons:
        state = ChartState.NO_BASELINE
        for finding in result.findings:
            if (finding.part, finding.metric) == (one.part, one.metric):
                if finding.kind is FindingKind.REGRESSION:
                    state = ChartState.REGRESSED
                elif finding.kind is FindingKind.IMPROVEMENT:
                    state = ChartState.IMPROVED
        parts.setdefault(one.part, {})[one.metric] = ComparedMetric(one, state)
    return (ComparedRow(result, part, metrics) for part, metrics in parts.items())


def _of_part(measurements: Sequence[Measurement], part: str) -> Measurement | None:
    """The measurement of a part whose times are known."""
    found = next((one for one in measurements if one.part == part), None)
    if found is None or isinstance(found.response, PrunedHistogram) or not found.response.count:
        return None
    return found


def _name(run: Run) -> str:
    """A run in a legend: `28 Nov 02:00, 2.4.1`."""
    return f"{phrases.moment(run.started_at)}{f', {run.target_version}' if run.target_version else ''}"


def _in_words(what: FingerprintField, value: object) -> str:
    if what is FingerprintField.LOAD and isinstance(value, dict):
        return load_sentence(value)
    if what is FingerprintField.PAIRED:
        return "in rounds with a reference" if value else "alone"
    return plain(str(value))
