"""The paired runs of the live benchmark: what is slowed in each cell, what is found, and the score."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.verdict.stand import Truth
from loadtasks.results.findings.codes import FindingCode

_MIN_FAULT_MS = 0.001


@dataclass(frozen=True)
class Faults:
    """The faults that make a slowdown of a given size, as `APP_FAULTS` has them."""

    p50_s: Mapping[str, float]
    """How long a request of the reference takes, by kind of fault."""

    @staticmethod
    def of_reference(kind: str) -> str:
        """The reference's: next to nothing, but looking for faults and a short sleep take their time there too."""
        return "" if kind == "none" else _fault(kind, _MIN_FAULT_MS)

    def of_candidate(self, kind: str, size: float) -> str:
        """The candidate's, for a relative slowdown."""
        if kind == "none":
            return ""
        cost_ms = size * self.p50_s[kind] * 1e3
        return _fault(kind, _MIN_FAULT_MS + (10 * cost_ms if kind == "tenth" else cost_ms))


def _fault(kind: str, milliseconds: float) -> str:
    return {
        "cpu": f"sessions:cpu={milliseconds:.4f}ms",
        "query": f"sessions:query={milliseconds:.4f}ms",
        "tenth": f"sessions:cpu={milliseconds:.4f}ms@0.1",
    }[kind]


@dataclass(frozen=True)
class LiveCell:
    """One kind of slowdown and its size."""

    kind: str
    size: float
    runs: int

    @property
    def name(self) -> str:
        """Its name on the command line and in the table: `cpu+10`, `none`."""
        return f"{self.kind}{round(self.size * 100):+d}" if self.size else self.kind

    @property
    def metric(self) -> str:
        """The metric that the slowdown moves."""
        return "p95_s" if self.kind == "tenth" else "p50_s"

    @property
    def cause(self) -> FindingCode:
        """The right diagnosis."""
        return FindingCode.DATABASE_SLOW if self.kind == "query" else FindingCode.TARGET_CODE_SLOW


@dataclass(frozen=True)
class JudgedScenario:
    """What one run finds in one scenario."""

    scenario: str
    verdict: str
    claims: list[str]
    """The sentences of regressions and improvements."""
    causes: list[FindingCode]
    """The diagnosis."""
    remarks: list[str]
    """Why nothing, or not all, is claimed."""
    rounds: int
    saturated: int
    seconds: float
    intervals: dict[str, tuple[float, float | None, float | None]]
    """By metric: the ratio, and the ends of its interval."""


@dataclass(frozen=True)
class LiveRun:
    """One run of a cell."""

    cell: LiveCell
    slowed: JudgedScenario
    untouched: JudgedScenario
    truth: Truth

    @property
    def found(self) -> bool:
        """Whether the slowed endpoint regressed."""
        return bool(self.cell.size) and self.slowed.verdict == "regressed"

    @property
    def false(self) -> int:
        """Claims about what is not slowed."""
        return len(self.untouched.claims) + (0 if self.cell.size else len(self.slowed.claims))

    @property
    def holds(self) -> bool | None:
        """Whether the interval contains the truth; None where there is no interval."""
        _, low, high = self.slowed.intervals.get(self.cell.metric, (1.0, None, None))
        return None if low is None or high is None else low <= self.truth.ratio <= high

    @property
    def named(self) -> bool:
        """Whether the regression was found with the right cause."""
        return self.found and self.cell.cause in self.slowed.causes

    def line(self, number: int) -> str:
        """The line that is printed when the run ends."""
        ratio, low, high = self.slowed.intervals.get(self.cell.metric, (1.0, None, None))
        interval = f"{low - 1:+.1%} to {high - 1:+.1%}" if low and high else "no interval"
        marks = ["found"] * self.found + ["named"] * self.named + ["FALSE"] * bool(self.false)
        return (
            f"{self.cell.name:9} run {number:2}: {self.slowed.verdict:9} {ratio - 1:+6.1%} ({interval}), truth "
            f"{self.truth.ratio - 1:+.1%}; {self.slowed.rounds} rounds, {self.slowed.seconds:.0f} s; the other endpoint"
            f" {self.untouched.verdict} in {self.untouched.rounds} rounds, {self.untouched.seconds:.0f} s"
            f"{'; no claim: ' if low is None else ''}{'; '.join(self.slowed.remarks) if low is None else ''}"
            f"{'; ' if marks else ''}{' '.join(marks)}"
        )


@dataclass
class LiveScore:
    """The runs of one cell."""

    cell: LiveCell
    runs: list[LiveRun] = field(default_factory=list)

    @property
    def found(self) -> int:
        """Runs in which the regression was found."""
        return sum(run.found for run in self.runs)

    @property
    def false(self) -> int:
        """Claims about what is not slowed."""
        return sum(run.false for run in self.runs)

    @property
    def holding(self) -> tuple[int, int]:
        """Runs whose interval contains the truth, and runs that have an interval."""
        known = [run.holds for run in self.runs if run.holds is not None]
        return sum(known), len(known)

    @property
    def named(self) -> int:
        """Runs with the right cause."""
        return sum(run.named for run in self.runs)

    def row(self) -> list[str]:
        """The cell's row of the table."""
        seconds = sorted(run.slowed.seconds for run in self.runs)
        rounds = sorted(run.slowed.rounds for run in self.runs)
        truths = sorted({round(run.truth.ratio - 1, 3) for run in self.runs})
        truth = f"{truths[0]:+.1%} to {truths[-1]:+.1%}" if len(truths) > 1 else f"{truths[0]:+.1%}"
        median = len(seconds) // 2
        found = f"{self.found}" if self.cell.size else ""
        named = f"{self.named} of {self.found}" if self.cell.size else ""
        holds = "{} of {}".format(*self.holding)
        spent = [f"{seconds[median]:.0f} s", f"{rounds[median]}"]
        return [self.cell.name, truth, f"{len(self.runs)}", found, f"{self.false}", *spent, holds, named]
