"""The table of a run, one row a scenario and one a part of a mixed scenario: the same rows in every report."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from loadtasks import units
from loadtasks.measurement.metrics import METRICS, PERCENTILES, Table, columns_of, metric_label
from loadtasks.measurement.model import Measurement
from loadtasks.plain_text import plain
from loadtasks.report.charts.states import ChartState, state_of
from loadtasks.report.noise import claimed_change, emphasis, moved_metrics
from loadtasks.report.percentiles import MARK, footnote, indicative_only, is_indicative
from loadtasks.report.verdicts import WORD
from loadtasks.report.worst_first import state_in_report, worst_first
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.error_counts import ErrorCounts
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.history import BaselineShift
from loadtasks.results.judgement import MetricComparison, Verdict
from loadtasks.verdict.targets.percentiles import interval_s

COLUMNS = {
    "scenario": "scenario",
    "verdict": "verdict",
    **{metric.name: metric.column for metric in columns_of(Table.RUN)},
    "change": "vs baseline",
}
"""The columns and their headings."""
RUN_METRICS = columns_of(Table.RUN)
METRIC_COLUMNS = [metric.name for metric in RUN_METRICS]
DETAIL_METRICS = columns_of(Table.DETAILS)
MAIL_METRICS = columns_of(Table.MAIL)
PERCENTILE_COLUMNS = [name for name in METRIC_COLUMNS if name in PERCENTILES]
_INTERVAL = "_interval"
INTERVAL_COLUMNS = [f"{name}{_INTERVAL}" for name in sorted(PERCENTILE_COLUMNS, key=lambda name: name == "p95_s")]
"""The confidence intervals; that of the p95, which most targets are about, comes last."""
ALL_COLUMNS = {
    key: heading
    for column, usual in COLUMNS.items()
    for key, heading in ((column, usual), (f"{column}{_INTERVAL}", f"{usual} 95 % CI"))
    if key in COLUMNS or column in PERCENTILE_COLUMNS
}
"""The same with the confidence interval of each percentile, where there is room for it."""
FOOTNOTE = footnote(PERCENTILE_COLUMNS)
_COMPARED_FIRST = ("p95_s", "p50_s", "mean_s")


@dataclass(frozen=True)
class TableRow:
    """One scenario, or one part of it; `units.MISSING` where nothing was measured."""

    result: ScenarioResult
    part: str
    measurement: Measurement | None

    @property
    def name(self) -> str:
        """The part's name in a part's row, else the scenario's."""
        return plain(self.part or self.result.scenario)

    @property
    def verdict(self) -> Verdict | None:
        """The scenario's verdict; of a part the one that its own findings lead to, None where there are none."""
        if not self.part:
            return self.result.verdict
        kinds = {
            finding.kind
            for finding in self.result.findings
            if finding.part == self.part and (finding.kind is not FindingKind.TARGET or finding.misses_target)
        }
        for kind, verdict in (
            (FindingKind.VALIDITY, Verdict.INVALID),
            (FindingKind.TARGET, Verdict.FAIL),
            (FindingKind.REGRESSION, Verdict.REGRESSED),
            (FindingKind.IMPROVEMENT, Verdict.IMPROVED),
        ):
            if kind in kinds:
                return verdict
        return None

    @property
    def state(self) -> ChartState | None:
        """The verdict, or what was found of a scenario that decides nothing; None of a part without findings."""
        if not self.part:
            return state_in_report(self.result)
        return state_of(self.verdict) if self.verdict is not None else None

    @property
    def change(self) -> str:
        """The p95 against the baseline; or another metric that regressed, which is then named."""
        comparison = _main_comparison(self.result, self.part)
        if comparison is None or self.result.verdict is Verdict.INVALID:
            return units.MISSING
        errors = _errors(self.result, self.part) if comparison.metric == "success_rate" else None
        if errors is not None:
            return f"{' → '.join(units.error_rates(errors.rate_before, errors.rate))} errors"
        changed = units.change(comparison.ratio)
        return changed if comparison.metric == "p95_s" else f"{changed} {metric_label(comparison.metric)}".strip()

    @property
    def change_interval(self) -> str:
        """Between which changes it lies: `+3 % to +5 %`; empty where that is unknown."""
        comparison = _main_comparison(self.result, self.part)
        if comparison is None or self.result.verdict is Verdict.INVALID or comparison.metric == "success_rate":
            return ""
        return change_interval(comparison)

    @property
    def emphasis(self) -> str:
        """How the change is written: `moved`, `noise`, or empty (see `loadtasks.report.noise.emphasis`)."""
        moved = moved_metrics(finding for finding in self.result.findings if finding.part == self.part)
        return emphasis(_main_comparison(self.result, self.part), moved)

    def value(self, name: str) -> str:
        """The value of a metric with its unit."""
        return units.value(name, METRICS[name].value(self.measurement) if self.measurement else None)

    def indicative(self, name: str) -> str:
        """Why a percentile is indicative only; empty where it is more, and where there is none."""
        if self.measurement is None or not is_indicative(self.measurement, name):
            return ""
        return indicative_only(self.measurement, name)

    def interval(self, name: str) -> str:
        """The 95 % confidence interval of a percentile; empty where there is none, and for invalid measurements."""
        if self.measurement is None or self.result.verdict is Verdict.INVALID or name not in PERCENTILES:
            return ""
        bounds_s = interval_s(self.measurement, name)
        return units.interval(bounds_s) if bounds_s is not None else ""

    def is_bad(self, metric: str) -> bool:
        """Whether a metric missed its target or regressed."""
        return any(
            finding.metric == metric
            and finding.part == self.part
            and (finding.misses_target or finding.kind is FindingKind.REGRESSION)
            for finding in self.result.findings
        )

    def cell(self, column: str) -> str:
        """The text of one of `ALL_COLUMNS`, with a mark where it is indicative only."""
        if column == "scenario":
            return f"  {self.name}" if self.part else self.name
        if column == "verdict":
            return WORD[self.verdict] if self.verdict else ""
        if column.endswith(_INTERVAL):
            return self.interval(column.removesuffix(_INTERVAL))
        if column == "change":
            return self.change
        return self.value(column) + (MARK if self.indicative(column) else "")


def rows(document: ResultsDocument) -> list[TableRow]:
    """All rows, the worst scenario first."""
    return [row for result in worst_first(document.scenarios) for row in scenario_rows(result)]


def change_interval(comparison: MetricComparison) -> str:
    """Between which changes a comparison lies: `+3 % to +5 %`; empty where that is unknown."""
    low, high = comparison.low, comparison.high
    return f"{units.change(low)} to {units.change(high)}" if low is not None and high is not None else ""


def scenario_rows(result: ScenarioResult) -> Iterator[TableRow]:
    """The row of a scenario, then those of its parts."""
    whole = next((measurement for measurement in result.measurements if not measurement.part), None)
    yield TableRow(result, "", whole)
    for measurement in result.measurements:
        if measurement.part:
            yield TableRow(result, measurement.part, measurement)


def has_marks(table: Iterable[TableRow]) -> bool:
    """Whether any cell carries the mark that the footnote explains."""
    return any(row.indicative(name) for row in table for name in PERCENTILE_COLUMNS)


def _errors(result: ScenarioResult, part: str) -> ErrorCounts | None:
    """The requests that failed before and since a change of the error rate; None where none was found."""
    return next(
        (
            finding.parameters.errors
            for finding in result.findings
            if finding.part == part and isinstance(finding.parameters, BaselineShift)
            if finding.parameters.errors is not None
        ),
        None,
    )


def claimed_comparisons(result: ScenarioResult) -> list[MetricComparison]:
    """The comparisons of a scenario, with the change that a finding claims where one does: numbers agree everywhere."""
    claimed = []
    for comparison in result.comparisons:
        about = [one for one in result.findings if (one.part, one.metric) == (comparison.part, comparison.metric)]
        ratio, low, high = claimed_change(about, comparison)
        claimed.append(comparison.model_copy(update={"ratio": ratio, "low": low, "high": high}))
    return claimed


def _main_comparison(result: ScenarioResult, part: str) -> MetricComparison | None:
    """The comparison of a metric that regressed, else that of the p95, p50, mean or any other, in this order."""
    compared = {comparison.metric: comparison for comparison in claimed_comparisons(result) if comparison.part == part}
    regressed = {
        finding.metric for finding in result.findings if finding.part == part and finding.kind is FindingKind.REGRESSION
    }
    order = (*_COMPARED_FIRST, *compared)
    for metric in (*(name for name in order if name in regressed), *order):
        if metric in compared:
            return compared[metric]
    return None
