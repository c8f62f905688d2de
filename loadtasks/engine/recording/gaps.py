"""Gaps in a stretch of time, so that stretches can be put one after the other in any grouping.

Marks, such as served requests, cut a stretch into pieces. In each piece lies at most one gap. A gap before the first
mark, or after the last one, may go on in the stretch before or after; the others are complete. Times are whole
microseconds, so that sums are exact.
"""

from collections.abc import Iterable
from typing import NamedTuple, Self


class Gap(NamedTuple):
    """A gap: its start and its end, in microseconds after the stretch's start."""

    start_us: int
    end_us: int

    @property
    def length_us(self) -> int:
        """How long it is."""
        return self.end_us - self.start_us

    def later(self, by_us: int) -> Self:
        """The same gap in a stretch that begins so much earlier."""
        return self._replace(start_us=self.start_us + by_us, end_us=self.end_us + by_us)


class Gaps(NamedTuple):
    """The gaps of a stretch."""

    is_marked: bool = False
    """Whether the stretch holds a mark at all."""
    head: Gap | None = None
    """Before the first mark, or in a stretch without any."""
    total_us: int = 0
    """The sum of the complete gaps."""
    longest: Gap | None = None
    """The longest complete gap, the first of those that are equally long."""
    tail: Gap | None = None
    """After the last mark; None in a stretch without any."""

    @classmethod
    def of(cls, marks: int, by_piece: Iterable[tuple[int, Gap]]) -> Self:
        """The gaps of a stretch with so many marks; each gap with the number of marks before it."""
        head = tail = None
        complete = []
        for piece, gap in by_piece:
            if piece == 0:
                head = gap
            elif piece == marks:
                tail = gap
            else:
                complete.append(gap)
        return cls(marks > 0, head, sum(gap.length_us for gap in complete), _longest(complete), tail)

    def then(self, other: Self, after_us: int) -> Self:
        """These gaps, and those of a stretch that begins `after_us` after this one began, where this one ends."""
        head = None if other.head is None else other.head.later(after_us)
        tail = None if other.tail is None else other.tail.later(after_us)
        longest = None if other.longest is None else other.longest.later(after_us)
        if not other.is_marked:
            joined = _joined(self.tail, head) if self.is_marked else _joined(self.head, head)
            return self._replace(tail=joined) if self.is_marked else self._replace(head=joined)
        if not self.is_marked:
            return other._replace(head=_joined(self.head, head), longest=longest, tail=tail)
        between = _joined(self.tail, head)
        return self._replace(
            total_us=self.total_us + other.total_us + (between.length_us if between is not None else 0),
            longest=_longest([gap for gap in (self.longest, between, longest) if gap is not None]),
            tail=tail,
        )

    @property
    def sum_us(self) -> int:
        """The sum of all gaps, of head and tail as far as they lie in the stretch."""
        return self.total_us + sum(gap.length_us for gap in (self.head, self.tail) if gap is not None)

    @property
    def longest_of_all(self) -> Gap | None:
        """The longest gap, of head and tail as far as they lie in the stretch; None where there is no gap."""
        return _longest([gap for gap in (self.head, self.longest, self.tail) if gap is not None])


def _longest(gaps: list[Gap]) -> Gap | None:
    return max(gaps, key=lambda gap: (gap.length_us, -gap.start_us), default=None)


def _joined(before: Gap | None, after: Gap | None) -> Gap | None:
    """One gap from the start of the one to the end of the other."""
    if before is None or after is None:
        return before if after is None else after
    return Gap(before.start_us, after.end_us)
