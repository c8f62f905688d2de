"""The shifts of each series that were confirmed, as far as later runs are judged by them.

The detector forgets what is over. What it found before decides where the baseline of a series begins, which gain a loss
takes back, and which part of a drift since the anchor has been reported already.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadtasks.verdict.history.baselines import MAX_BASELINE_RUNS, Values
from loadtasks.verdict.history.change_point import ChangePoint
from loadtasks.verdict.history.creep import Creep, find_creep


@dataclass(frozen=True)
class Gain:
    """An improvement that began a baseline."""

    begin: int
    """The first run of the baseline before it."""
    first: int
    """Its first run."""
    size: float
    """In units of the values."""


@dataclass(frozen=True)
class _Step:
    row: int
    first: int
    size: float
    is_loss: bool


class ConfirmedShifts:
    """What became of the level of each series, run by run."""

    def __init__(self, series: int) -> None:
        """Begin without any shift."""
        self.begins = np.zeros(series, dtype=np.int64)
        """The first run of each series' baseline."""
        self._gains: dict[int, Gain] = {}
        self._losses: dict[int, int] = {}
        self._steps: list[_Step] = []
        self._recovered: list[tuple[int, int, int]] = []

    def lose(self, row: int, change: ChangePoint) -> None:
        """A change for the worse is open from now on."""
        self._losses[row] = change.first

    def gain(self, row: int, change: ChangePoint) -> None:
        """A change for the better begins a new baseline."""
        self._gains[row] = Gain(int(self.begins[row]), change.first, change.size)
        self._steps.append(_Step(row, change.first, change.size, is_loss=False))
        self.begins[row] = change.first

    def recover(self, row: int, run: int) -> None:
        """A change is over: the series is back at the level before it."""
        if row in self._losses:
            self._recovered.append((row, self._losses.pop(row), run))
        elif row in self._gains:  # it did not last
            gain = self._gains.pop(row)
            self.begins[row] = gain.begin
            self._steps.remove(_Step(row, gain.first, gain.size, is_loss=False))

    def accept(self, row: int, change: ChangePoint) -> None:
        """A change for the worse begins a new baseline, though nobody has said so: the anchor stays."""
        del self._losses[row]
        self._gains.pop(row, None)
        self._steps.append(_Step(row, change.first, change.size, is_loss=True))
        self.begins[row] = change.first

    def dismiss(self, row: int) -> None:
        """A change for the worse was a false alarm: its runs are part of the baseline."""
        del self._losses[row]

    def is_open(self, row: int) -> bool:
        """Whether a change for the worse is open."""
        return row in self._losses

    def begin_before(self, row: int, first: int) -> int:
        """The first run of the baseline that a change since run `first` ends; the change may have begun a new one."""
        begin = int(self.begins[row])
        if begin < first:
            return begin
        gain = self._gains.get(row)
        return gain.begin if gain is not None and gain.begin < first else 0

    def gain_before(self, row: int, first: int) -> Gain | None:
        """The gain that began the baseline which a change ends; None where it began otherwise, or long ago."""
        gain = self._gains.get(row)
        return gain if gain is not None and gain.first < first <= gain.first + MAX_BASELINE_RUNS else None

    def find_creep(self, values: Values, min_effect: Values, worse_up: NDArray[np.bool_]) -> list[Creep | None]:
        """The creep of each series since its first run; None where there is none, or a change for the worse is open.

        Losses that were accepted without a person's word are taken out: they were reported. What a gain took back of
        them counts for nothing. Runs of a change that is over are left out.

        Args:
            values: Shape: runs x series, nan where there is no valid one.
            min_effect: The minimum effect of each series.
            worse_up: Whether higher is worse, by series.
        """
        smooth = values.copy()
        for row, first, run in self._recovered:
            smooth[first : run + 1, row] = np.nan
        smooth[:, list(self._losses)] = np.nan
        reported, removed = np.zeros(values.shape[1]), np.zeros(values.shape[1])
        sign = np.where(worse_up, 1.0, -1.0)
        for step in sorted(self._steps, key=lambda step: step.first):
            smooth[step.first :, step.row] -= step.size
            worse = sign[step.row] * step.size
            removed[step.row] += worse
            known = reported[step.row] + worse
            reported[step.row] = known if step.is_loss else max(0.0, known)
        return find_creep(smooth, reported - removed, min_effect, worse_up)
