"""The regressions of two databases as if both had been one.

Two databases that know a regression by the run that found it have the same one. So have two that found one each in runs
of their own, of the same scenario and part, while the other's had not ended: in one database the second would not have
been found. What people decided in either is kept. A decision is not undone by what the other database did not know of
it: of several the one by a person goes before recovery, and of several by people the latest stands.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from loadtasks.results.regression import AUTOMATIC, Move, Regression, RegressionState


class RegressionName(NamedTuple):
    """What a regression is called in every database."""

    service: str
    scenario: str
    part: str
    found_run: str


@dataclass
class UnitedRegression:
    """One regression with what each database knows of it."""

    ours: Regression | None = None
    theirs: Regression | None = None

    @property
    def members(self) -> list[Regression]:
        """What is known of it, once or twice."""
        return [regression for regression in (self.ours, self.theirs) if regression is not None]

    def has(self, side: str) -> bool:
        """Whether a database knows it, `ours` or `theirs`."""
        return getattr(self, side) is not None


def name_of(regression: Regression) -> RegressionName:
    """What a regression is called in every database."""
    return RegressionName(regression.service, regression.scenario, regression.part, regression.found_run)


def unite(
    ours: Iterable[Regression], theirs: Iterable[Regression], numbers: Mapping[str, int]
) -> list[UnitedRegression]:
    """Which regressions of two databases are the same.

    Args:
        ours: Those of one database; the sequences of their moves are places in the merged order.
        theirs: The same of the other one.
        numbers: The places of runs in the merged order.
    """
    by_name: dict[RegressionName, UnitedRegression] = {}
    for side, regressions in (("ours", ours), ("theirs", theirs)):
        for regression in regressions:
            united = by_name.setdefault(name_of(regression), UnitedRegression())
            if not united.has(side):
                setattr(united, side, regression)
    groups: list[UnitedRegression] = []
    for united in sorted(by_name.values(), key=lambda one: _order(one.members[0], numbers)):
        group = _same(united, groups, numbers)
        if group is None:
            groups.append(united)
        else:
            group.ours, group.theirs = group.ours or united.ours, group.theirs or united.theirs
    return groups


def merged(united: UnitedRegression, numbers: Mapping[str, int], *, theirs_is_newer: bool = False) -> Regression:
    """A regression with what both databases know of it; its id is that of the first member.

    Args:
        united: The regression.
        numbers: The places of runs in the merged order.
        theirs_is_newer: Whether the other database's copy of the run that found it is the newer one.
    """
    members = united.members
    if theirs_is_newer:
        members = members[::-1]
    found = min(members, key=lambda one: _order(one, numbers))
    began = min(members, key=lambda one: numbers.get(one.first_run, math.inf))
    return found.model_copy(
        update={
            "id": united.members[0].id,
            "first_run": began.first_run,
            "version_before": began.version_before,
            "version_after": began.version_after,
            "moves": [found.moves[0], *_later_moves(united.members)],
        }
    )


def _later_moves(members: Sequence[Regression]) -> list[Move]:
    """What became of a regression since it was found."""
    moves: dict[Move, Move] = {}
    for move in (move for member in members for move in member.moves[1:]):
        same = move.model_copy(update={"sequence": 0})
        known = moves.setdefault(same, move)
        moves[same] = max(known, move, key=lambda one: one.sequence)
    acknowledged = [move.at for move in moves.values() if move.state is RegressionState.ACKNOWLEDGED]
    for move in [*moves]:  # what was answered is not accepted automatically, though one database didn't know that
        if (
            move.state is RegressionState.ACCEPTED
            and move.who == AUTOMATIC
            and min(acknowledged, default=move.at) < move.at
        ):
            del moves[move]
    reopened = sorted(move.at for move in moves.values() if move.state is RegressionState.OPEN)

    def order(move: Move) -> tuple[object, ...]:
        lives = sum(at <= move.at for at in reopened)
        return lives, _weight(move), move.at, move.who, move.why, move.state

    return sorted(moves.values(), key=order)


def _weight(move: Move) -> int:
    if not move.state.ended:
        return 0 if move.state is RegressionState.OPEN else 1
    return 2 if move.who == AUTOMATIC else 3


def _same(
    united: UnitedRegression, groups: Sequence[UnitedRegression], numbers: Mapping[str, int]
) -> UnitedRegression | None:
    """The group that a regression of one database belongs to; None where it is one of its own."""
    if len(united.members) != 1:
        return None
    side, (regression,) = "ours" if united.ours else "theirs", united.members
    key, begin, end = name_of(regression)[:-1], *_life(regression, numbers)
    for group in groups:
        others = group.members
        if len(others) == 1 and not group.has(side) and name_of(others[0])[:-1] == key:
            other_begin, other_end = _life(others[0], numbers)
            if begin <= other_end and other_begin <= end:
                return group
    return None


def _order(regression: Regression, numbers: Mapping[str, int]) -> tuple[float, str]:
    return _life(regression, numbers)[0], regression.found_run


def _life(regression: Regression, numbers: Mapping[str, int]) -> tuple[float, float]:
    """The places of the run that found a regression and of the one by which it had ended."""
    first, last = regression.moves[0], regression.moves[-1]
    begin = numbers.get(regression.found_run, first.sequence)
    return begin, last.sequence if regression.state.ended else math.inf
