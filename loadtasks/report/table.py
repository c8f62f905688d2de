"""The table of a run, one row a scenario and one a part of a mixed scenario: the same rows in every report."""

from collections.abc import Iterator
from dataclasses import dataclass

from loadtasks import units
from loadtasks.measurement.histogram import least_count
from loadtasks.measurement.model import METRICS, Measurement
from loadtasks.report import words
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.judgement import MetricComparison, Verdict
from loadtasks.verdict.targets.percentiles import PERCENTILES, interval_s, untold

COLUMNS = {
    "scenario": "scenario",
    "verdict": "verdict",
    "requests": "requests",
    "success": "success",
    "mean": "mean",
    "p50": "p50",
    "p95": "p95",
    "p99": "p99",
    "throughput": "throughput",
    "change": "vs baseline",
}
"""The columns and their headings."""
PERCENTILE_COLUMNS = ("p50", "p95", "p99")
_WITHIN = "_within"
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
    ", ".join(f"{units.count(least_count(PERCENTILES[f'{name}_s']))} for a {name}" for name in PERCENTILE_COLUMNS),
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
        kinds = {finding.kind for finding in self.result.findings if finding.part == self.part}
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
    def requests(self) -> str:
        """How many were scheduled."""
        return units.count(self.measurement.counts.scheduled if self.measurement else None)

    @property
    def success(self) -> str:
        """The share of them that was completed."""
        return units.share(self.measurement.success_rate if self.measurement else None)

    @property
    def throughput(self) -> str:
        """Completed requests a second."""
        return units.rate(self.measurement.throughput_per_s if self.measurement else None)

    @property
    def change(self) -> str:
        """How its time compares with the baseline: p95, or the metric that regressed, then named."""
        comparison = _telling(self.result, self.part)
        if comparison is None or self.result.verdict is Verdict.INVALID:
            return units.MISSING
        changed = units.change(comparison.ratio)
        return changed if comparison.metric == "p95_s" else f"{changed} {METRICS.get(comparison.metric, '')}".strip()

    def time(self, name: str) -> str:
        """One of `mean`, `p50`, `p90`, `p95`, `p99`, `max`."""
        return units.duration(getattr(self.measurement, f"{name}_s") if self.measurement else None)

    def untold(self, name: str) -> str | None:
        """Why a percentile can't be told; None where it can, and where there is none."""
        return untold(self.measurement, f"{name}_s") if self.measurement else None

    def within(self, name: str) -> str:
        """Where a percentile lies with 95 % confidence; empty where that can't be told, or nothing is claimed."""
        if self.measurement is None or self.result.verdict is Verdict.INVALID:
            return ""
        bounds_s = interval_s(self.measurement, f"{name}_s")
        return units.interval(bounds_s) if bounds_s is not None else ""

    def misses(self, metric: str) -> bool:
        """Whether a metric missed its target or got worse than its baseline."""
        bad = (FindingKind.TARGET, FindingKind.REGRESSION)
        return any(
            finding.metric == metric and finding.part == self.part and finding.kind in bad
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
        if column in ("mean", "p50", "p95", "p99"):
            return self.time(column) + (MARK if self.untold(column) else "")
        cell: str = getattr(self, column)
        return cell


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


def marked(table: list[TableRow]) -> bool:
    """Whether any cell carries the mark that the footnote explains."""
    return any(row.untold(name) for row in table for name in PERCENTILE_COLUMNS)


def _telling(result: ScenarioResult, part: str) -> MetricComparison | None:
    """The comparison that says most: of a metric that regressed, else of any; of the usual ones the first."""
    known = {comparison.metric: comparison for comparison in result.comparisons if comparison.part == part}
    regressed = {
        finding.metric for finding in result.findings if finding.part == part and finding.kind is FindingKind.REGRESSION
    }
    first = [metric for metric in (*_TOLD_CHANGES, *known) if metric in regressed]
    for metric in (*first, *_TOLD_CHANGES, *known):
        if metric in known:
            return known[metric]
    return None
