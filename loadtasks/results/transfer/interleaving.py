"""Two histories of the same kind made one: each keeps its own order, and what neither order decides the dates do.

Dates come from clocks, which can be wrong. Within one history the dates that are in order with most others are trusted;
an entry with another date is in doubt, and stays right after the one before it.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

_NEVER = datetime.min.replace(tzinfo=UTC)


class DatedKey(NamedTuple):
    """One thing in a history."""

    key: str
    """What it is called in both histories."""
    at: datetime
    """When it was by its clock."""


def interleaved(here: Sequence[DatedKey], there: Sequence[DatedKey]) -> list[str]:
    """The keys of both histories in one order, those of both once; the same whichever of the two is named first.

    Where the histories have the same entries in different orders, which only a merge elsewhere can have led to, the
    earlier date goes first.
    """
    ours, theirs = _dated(here), _dated(there)
    in_both = {key for _, key in ours} & {key for _, key in theirs}
    order: dict[str, None] = {}
    mine = yours = 0
    while mine < len(ours) or yours < len(theirs):
        if mine < len(ours) and ours[mine][1] in order:
            mine += 1
        elif yours < len(theirs) and theirs[yours][1] in order:
            yours += 1
        elif mine == len(ours) or (yours < len(theirs) and _is_first(theirs[yours], ours[mine], in_both)):
            order[theirs[yours][1]] = None
        else:
            order[ours[mine][1]] = None
    return list(order)


def _is_first(entry: tuple[datetime, str], other: tuple[datetime, str], in_both: set[str]) -> bool:
    """Whether the next entry of one history goes before the next one of the other history."""
    waits, other_waits = entry[1] in in_both, other[1] in in_both  # for what goes before it in the other history
    return entry < other if waits == other_waits else other_waits


def _dated(entries: Sequence[DatedKey]) -> list[tuple[datetime, str]]:
    """The keys in order, with dates that never decrease: those in doubt are replaced by the one before."""
    trusted = _in_order([entry.at for entry in entries])
    date = entries[min(trusted)].at if trusted else _NEVER
    dated = []
    for place, entry in enumerate(entries):
        date = entry.at if place in trusted else date
        dated.append((date, entry.key))
    return dated


def _in_order(dates: Sequence[datetime]) -> set[int]:
    """The places of as many dates as possible that don't decrease (the longest such subsequence)."""
    last_places: list[int] = []  # by length: of all subsequences so long, the last place of the one that ends earliest
    ends: list[datetime] = []
    before: list[int | None] = []
    for place, date in enumerate(dates):
        length = bisect_right(ends, date)
        before.append(last_places[length - 1] if length else None)
        last_places[length:] = [place, *last_places[length + 1 :]]
        ends[length:] = [date, *ends[length + 1 :]]
    places = set()
    at = last_places[-1] if last_places else None
    while at is not None:
        places.add(at)
        at = before[at]
    return places


def numbered(order: Sequence[str], *numbers: dict[str, int]) -> dict[str, int]:
    """Ascending numbers for keys in an order: the numbers that they have, as far as these ascend.

    Args:
        order: The keys.
        numbers: The numbers that histories gave them.
    """
    found: dict[str, int] = {}
    last = 0
    for key in order:
        last = found[key] = max(last + 1, *(of_history.get(key, 0) for of_history in numbers))
    return found
