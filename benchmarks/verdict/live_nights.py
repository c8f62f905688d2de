"""The nights of the live benchmark: what is slowed in each cell, what is said of it, and the score."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.verdict.stand import Truth
from loadtasks.results.findings.codes import FindingCode

_LEAST_MS = 0.001


@dataclass(frozen=True)
class Faults:
    """What makes a slowdown of the size that is wanted, as `APP_FAULTS` has it."""

    p50_s: Mapping[str, float]
    """How long a request of the reference takes, by kind of fault."""

    @staticmethod
    def least(kind: str) -> str:
        """The reference's: as good as none, but what looks for faults and a short sleep take their time there too."""
        return "" if kind == "none" else _fault(kind, _LEAST_MS)

    def of(self, kind: str, size: float) -> str:
        """The candidate's."""
        if kind == "none":
            return ""
        cost_ms = size * self.p50_s[kind] * 1e3
        return _fault(kind, _LEAST_MS + (10 * cost_ms if kind == "tenth" else cost_ms))


def _fault(kind: str, milliseconds: float) -> str:
    return {
        "cpu": f"sessions:cpu={milliseconds:.4f}ms",
        "query": f"sessions:query={milliseconds:.4f}ms",
        "tenth": f"sessions:cpu={milliseconds:.4f}ms@0.1",
    }[kind]


@dataclass(frozen=True)
class Cell:
    """One kind of slowdown and its size."""

    kind: str
    size: float
    nights: int

    @property
    def name(self) -> str:
        """As it is chosen and told: `cpu+10`, `none`."""
        return f"{self.kind}{round(self.size * 100):+d}" if self.size else self.kind

    @property
    def metric(self) -> str:
        """The one that it moves."""
        return "p95_s" if self.kind == "tenth" else "p50_s"

    @property
    def cause(self) -> str:
        """The code of the right diagnosis."""
        return FindingCode.DATABASE_SLOW if self.kind == "query" else FindingCode.TARGET_CODE_SLOW


@dataclass(frozen=True)
class Judged:
    """What one night says of one scenario."""

    scenario: str
    verdict: str
    claims: list[str]
    causes: list[str]
    """The codes of the likely and possible causes."""
    doubts: list[str]
    """Why nothing, or not all, is claimed."""
    rounds: int
    saturated: int
    seconds: float
    intervals: dict[str, tuple[float, float | None, float | None]]
    """By metric the ratio, and between what."""


@dataclass(frozen=True)
class Night:
    """One night of a cell."""

    cell: Cell
    slowed: Judged
    untouched: Judged
    truth: Truth

    @property
    def found(self) -> bool:
        """Whether the slowed endpoint regressed."""
        return bool(self.cell.size) and self.slowed.verdict == "regressed"

    @property
    def false(self) -> int:
        """Claims of what is not slowed."""
        return len(self.untouched.claims) + (0 if self.cell.size else len(self.slowed.claims))

    @property
    def holds(self) -> bool | None:
        """Whether the interval holds the truth; None where there is none."""
        _, low, high = self.slowed.intervals.get(self.cell.metric, (1.0, None, None))
        return None if low is None or high is None else low <= self.truth.ratio <= high

    @property
    def named(self) -> bool:
        """Whether the right cause is among those found."""
        return self.found and self.cell.cause in self.slowed.causes

    def line(self, number: int) -> str:
        """Told at its end."""
        ratio, low, high = self.slowed.intervals.get(self.cell.metric, (1.0, None, None))
        between = f"{low - 1:+.1%} to {high - 1:+.1%}" if low and high else "no interval"
        marks = ["found"] * self.found + ["named"] * self.named + ["FALSE"] * bool(self.false)
        return (
            f"{self.cell.name:9} night {number:2}: {self.slowed.verdict:9} {ratio - 1:+6.1%} ({between}), truth "
            f"{self.truth.ratio - 1:+.1%}; {self.slowed.rounds} rounds, {self.slowed.seconds:.0f} s; beside it "
            f"{self.untouched.verdict} in {self.untouched.rounds} rounds, {self.untouched.seconds:.0f} s"
            f"{'; no claim: ' if low is None else ''}{'; '.join(self.slowed.doubts) if low is None else ''}"
            f"{'; ' if marks else ''}{' '.join(marks)}"
        )


@dataclass
class Score:
    """A cell's nights."""

    cell: Cell
    nights: list[Night] = field(default_factory=list)

    @property
    def found(self) -> int:
        """Nights found."""
        return sum(point.found for point in self.nights)

    @property
    def false(self) -> int:
        """Claims of what is not slowed."""
        return sum(point.false for point in self.nights)

    @property
    def holding(self) -> tuple[int, int]:
        """Nights whose interval holds the truth, of those that have one."""
        known = [point.holds for point in self.nights if point.holds is not None]
        return sum(known), len(known)

    @property
    def named(self) -> int:
        """Nights with the right cause."""
        return sum(point.named for point in self.nights)

    def row(self) -> list[str]:
        """Of the table."""
        nights = sorted(point.slowed.seconds for point in self.nights)
        rounds = sorted(point.slowed.rounds for point in self.nights)
        truths = sorted({round(point.truth.ratio - 1, 3) for point in self.nights})
        truth = f"{truths[0]:+.1%} to {truths[-1]:+.1%}" if len(truths) > 1 else f"{truths[0]:+.1%}"
        middle = len(nights) // 2
        found = f"{self.found}" if self.cell.size else ""
        named = f"{self.named} of {self.found}" if self.cell.size else ""
        holds = "{} of {}".format(*self.holding)
        spent = [f"{nights[middle]:.0f} s", f"{rounds[middle]}"]
        return [self.cell.name, truth, f"{len(self.nights)}", found, f"{self.false}", *spent, holds, named]
