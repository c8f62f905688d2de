"""The table of a run, one row a scenario and one a part of a mixed scenario: the same rows in every report."""

from collections.abc import Iterator
from dataclasses import dataclass

from loadtasks import units
from loadtasks.measurement.histogram import min_count
from loadtasks.measurement.metrics import PERCENTILES, Table, columns_of, metric_label
from loadtasks.measurement.model import Measurement, metric
from loadtasks.report import words
from loadtasks.report.sentences.targets import indicative_only
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.judgement import MetricComparison, Verdict
from loadtasks.verdict.targets.percentiles import interval_s, requests_needed

COLUMNS = {
    "scenario": "scenario",
    "verdict": "verdict",
    **{metric.name: metric.column for metric in columns_of(Table.RUN)},
    "change": "vs baseline",
}
"""The columns and their headings."""
METRIC_COLUMNS = [metric.name for metric in columns_of(Table.RUN)]
DETAIL_METRICS = columns_of(Table.DETAILS)
MAIL_METRICS = columns_of(Table.MAIL)
PERCENTILE_COLUMNS = [name for name in METRIC_COLUMNS if name in PERCENTILES]
_WITHIN = "_within"
WITHIN_COLUMNS = [f"{name}{_WITHIN}" for name in sorted(PERCENTILE_COLUMNS, key=lambda name: name == "p95_s")]
"""Where each percentile lies; that of the p95, by which most targets are set, comes last."""
ALL_COLUMNS = {
    key: heading
    for column, usual in COLUMNS.items()
    for key, heading in ((column, usual), (f"{column}{_WITHIN}", f"{usual} within"))
    if key in COLUMNS or column in PERCENTILE_COLUMNS
}
"""The same, and beside each percentile where it lies; for those who have the room."""
WITHIN_NOTE = "Within: where the true percentile lies with 95 % confidence."
MARK = "*"
"""Marks a percentile that can't be told."""
FOOTNOTE = "{} can't be told from so few requests: it takes {}.".format(
    MARK,
    ", ".join(f"{units.count(min_count(PERCENTILES[name]))} for a {metric_label(name)}" for name in PERCENTILE_COLUMNS),
)
_TOLD_CHANGES = ("p95_s", "p50_s", "mean_s")


@dataclass(frozen=True)
class TableRow:
    """One scenario, or one part of it, as people read it; `units.MISSING` where nothing was measured."""

    result: ScenarioResult
    part: str
    measurement: Measurement | None

    @property
    def name(self) -> str:
        """The part's name in a part's row, else the scenario's."""
        return words.plain(self.part or self.result.scenario)

    @property
    def verdict(self) -> Verdict | None:
        """The scenario's verdict; of a part what its own findings say, None where they say nothing."""
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
    def change(self) -> str:
        """How its time compares with the baseline: p95, or the metric that regressed, then named."""
        comparison = _telling(self.result, self.part)
        if comparison is None or self.result.verdict is Verdict.INVALID:
            return units.MISSING
        changed = units.change(comparison.ratio)
        return changed if comparison.metric == "p95_s" else f"{changed} {metric_label(comparison.metric)}".strip()

    def value(self, name: str) -> str:
        """A metric in its unit."""
        return units.value(name, metric(self.measurement, name) if self.measurement else None)

    def untold(self, name: str) -> str | None:
        """Why a percentile is indicative only; None where it is more, and where there is none."""
        return indicative(self.measurement, name) if self.measurement else None

    def within(self, name: str) -> str:
        """Where a percentile lies with 95 % confidence; empty where that can't be told, or nothing is claimed."""
        if self.measurement is None or self.result.verdict is Verdict.INVALID:
            return ""
        bounds_s = interval_s(self.measurement, name)
        return units.interval(bounds_s) if bounds_s is not None else ""

    def misses(self, metric: str) -> bool:
        """Whether a metric missed its target or got worse than its baseline."""
        return any(
            finding.metric == metric
            and finding.part == self.part
            and (finding.misses_target or finding.kind is FindingKind.REGRESSION)
            for finding in self.result.findings
        )

    def cell(self, column: str) -> str:
        """The text of one of `ALL_COLUMNS`, marked where it can't be told."""
        if column == "scenario":
            return f"  {self.name}" if self.part else self.name
        if column == "verdict":
            return words.WORD[self.verdict] if self.verdict else ""
        if column.endswith(_WITHIN):
            return self.within(column.removesuffix(_WITHIN))
        if column == "change":
            return self.change
        return self.value(column) + (MARK if self.untold(column) else "")


def rows(document: ResultsDocument) -> list[TableRow]:
    """All rows, in the run's order."""
    return [row for result in document.scenarios for row in scenario_rows(result)]


def scenario_rows(result: ScenarioResult) -> Iterator[TableRow]:
    """The row of a scenario, then those of its parts."""
    whole = next((measurement for measurement in result.measurements if not measurement.part), None)
    yield TableRow(result, "", whole)
    for measurement in result.measurements:
        if measurement.part:
            yield TableRow(result, measurement.part, measurement)


def indicative(measurement: Measurement, metric: str) -> str | None:
    """Why a percentile is indicative only; None where it is more, and where the metric is none."""
    needed = requests_needed(measurement, metric)
    return indicative_only(metric, measurement.response.count, needed) if needed is not None else None


def marked(table: list[TableRow]) -> bool:
    """Whether any cell carries the mark that the footnote explains."""
    return any(row.untold(name) for row in table for name in PERCENTILE_COLUMNS)


def _telling(result: ScenarioResult, part: str) -> MetricComparison | None:
    """The comparison that says most: of a metric that regressed, else of any; of the usual ones the first."""
    known = {comparison.metric: comparison for comparison in result.comparisons if comparison.part == part}
    regressed = {
        finding.metric for finding in result.findings if finding.part == part and finding.kind is FindingKind.REGRESSION
    }
    first = [name for name in (*_TOLD_CHANGES, *known) if name in regressed]
    for name in (*first, *_TOLD_CHANGES, *known):
        if name in known:
            return known[name]
    return None
