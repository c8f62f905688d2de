"""The table of a run, one row a scenario and one a part of a mixed scenario: the same rows in every report."""

from collections.abc import Iterator
from dataclasses import dataclass

from loadtasks import units
from loadtasks.engine.measurement import METRICS, Measurement
from loadtasks.report import words
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.judgement import Comparison, FindingKind, Verdict

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
FEW = 5
"""A percentile that rests on fewer of the slowest requests is marked."""
MARK = "*"
FOOTNOTE = (
    f"{MARK} rests on fewer than {FEW} requests, so it says little more than the maximum does: the p99 of 100 requests "
    "is decided by one of them."
)
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_TOLD_CHANGES = ("p95_s", "p50_s", "mean_s")


@dataclass(frozen=True)
class Row:
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
        kinds = {each.kind for each in self.result.findings if each.part == self.part}
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

    def few(self, name: str) -> int | None:
        """On how many of the slowest requests a percentile rests, where they are too few; else None."""
        if self.measurement is None or name not in _QUANTILES or not self.measurement.response.count:
            return None
        resting = int(self.measurement.response.count * (1 - _QUANTILES[name]) + 1e-9)
        return max(1, resting) if resting < FEW else None

    def misses(self, metric: str) -> bool:
        """Whether a metric missed its target or got worse than its baseline."""
        bad = (FindingKind.TARGET, FindingKind.REGRESSION)
        return any(
            each.metric == metric and each.part == self.part and each.kind in bad for each in self.result.findings
        )

    def cell(self, column: str) -> str:
        """The text of one of `COLUMNS`, marked where it rests on few."""
        if column == "scenario":
            return f"  {self.name}" if self.part else self.name
        if column == "verdict":
            return words.WORD[self.verdict] if self.verdict else ""
        if column in ("mean", "p50", "p95", "p99"):
            return self.time(column) + (MARK if self.few(column) else "")
        cell: str = getattr(self, column)
        return cell


def rows(document: ResultsDocument) -> list[Row]:
    """All rows, in the run's order."""
    return [row for result in document.scenarios for row in scenario_rows(result)]


def scenario_rows(result: ScenarioResult) -> Iterator[Row]:
    """The row of a scenario, then those of its parts."""
    whole = next((each for each in result.measurements if not each.part), None)
    yield Row(result, "", whole)
    for each in result.measurements:
        if each.part:
            yield Row(result, each.part, each)


def marked(table: list[Row]) -> bool:
    """Whether any cell carries the mark that the footnote explains."""
    return any(row.few(name) for row in table for name in ("p50", "p95", "p99"))


def _telling(result: ScenarioResult, part: str) -> Comparison | None:
    """The comparison that says most: of a metric that regressed, else of any; of the usual ones the first."""
    known = {each.metric: each for each in result.comparisons if each.part == part}
    regressed = {each.metric for each in result.findings if each.part == part and each.kind is FindingKind.REGRESSION}
    first = [metric for metric in (*_TOLD_CHANGES, *known) if metric in regressed]
    for metric in (*first, *_TOLD_CHANGES, *known):
        if metric in known:
            return known[metric]
    return None
