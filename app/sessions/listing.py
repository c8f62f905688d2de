"""SQL statements for a page of sessions, which read only as many index entries as they need.

Every sort has three indexes: of all sessions, of those by status and technique, and of those by status, technique and
model. A filter that leaves status or technique open becomes one search per value, and the database merges their
results as it reads them. A range of creation times with another sort has to read all sessions in the range, so it is
limited to `MAX_SORTED_RANGE` of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    String,
    bindparam,
    cast,
    func,
    literal,
    select,
    tuple_,
    union_all,
)

from app.storage.models import SORT_KEYS, OptimizationSession, SessionCount, Status, Technique

AnySelect = Select[*tuple[Any, ...]]

MAX_SORTED_RANGE = 20_000
MAX_OFFSET = 10_000
ID = OptimizationSession.id.expression
CREATED = "created_at"
SORTS = {
    CREATED: SORT_KEYS["creation"],
    "updated_at": SORT_KEYS["update"],
    **{name: SORT_KEYS[name] for name in ("size_reduction", "speedup", "accuracy_change")},
}


@dataclass(frozen=True)
class ListShape:
    """What determines the SQL statement of a list. The values to filter by are parameters of the statement."""

    field: str
    """The field to sort by."""
    descending: bool
    """Whether the sort descends."""
    filters: frozenset[str]
    """The filters in use, some of `status`, `technique`, `model_id`, `created_from` and `created_to`."""
    after: bool
    """Whether the list begins after a row, given by the parameters `after_value` and `after_id`."""

    @property
    def ranged(self) -> bool:
        """Whether the list is filtered by creation time."""
        return bool(self.filters & {"created_from", "created_to"})

    @property
    def needs_sort(self) -> bool:
        """Whether all sessions of the list must be read to sort them, since no index has them in order."""
        return self.ranged and self.field != CREATED


@lru_cache(maxsize=1024)
def page_statement(shape: ListShape, columns: AnySelect) -> AnySelect:
    """Make the statement for a page's rows. Its parameters are the filters', `limit`, `offset` and their sum `end`.

    Args:
        shape: The shape of the list.
        columns: The columns to select.
    """
    page = _page(shape).limit(bindparam("limit", type_=Integer)).offset(bindparam("offset", type_=Integer)).subquery()
    rows = columns.join(page, page.c.id == OptimizationSession.id)
    return rows.order_by(*_order(shape, page.c.key, page.c.id))


@lru_cache(maxsize=256)
def count_statement(shape: ListShape) -> AnySelect:
    """Make the statement for the number of sessions; it stops above `MAX_SORTED_RANGE` if they need sorting."""
    if shape.ranged:
        arms = _arms(replace(shape, field=CREATED, after=False))
        if shape.needs_sort:
            arms = [arm.limit(MAX_SORTED_RANGE + 1) for arm in arms]
        counts = [select(func.count().label("sessions")).select_from(arm.subquery()) for arm in arms]
        return select(cast(func.sum(union_all(*counts).subquery().c.sessions), BigInteger))
    counted = cast(func.coalesce(func.sum(SessionCount.sessions), 0), BigInteger)
    equal = [getattr(SessionCount, name) == bindparam(name) for name in sorted(shape.filters)]
    return select(counted).where(*equal)


def _page(shape: ListShape) -> AnySelect:
    if not shape.needs_sort:
        return _merged(shape, bindparam("end", type_=Integer))
    # Without the limit the databases would combine filter and sort, and walk along the whole index of the sort.
    found = _merged(
        replace(shape, field=CREATED, after=False), literal(MAX_SORTED_RANGE), SORTS[shape.field]
    ).subquery()
    rows = select(found.c.id, found.c.value.label("key")).where(*_start_after(shape, found.c.value, found.c.id))
    return rows.order_by(*_order(shape, found.c.value, found.c.id))


def _merged(shape: ListShape, limit: ColumnElement[int], *values: ColumnElement[Any]) -> AnySelect:
    """Select the first ids and sort keys in order, with the values of other columns."""
    arms = [arm.add_columns(*(value.label("value") for value in values)) for arm in _arms(shape)]
    arms = [arm.order_by(*_order(shape, SORTS[shape.field], ID)).limit(limit) for arm in arms]
    if len(arms) == 1:
        return arms[0]
    # Each arm has its own order and limit, since PostgreSQL would sort the whole union.
    union = union_all(*(select(arm.subquery()) for arm in arms)).subquery()
    return select(union).order_by(*_order(shape, union.c.key, union.c.id)).limit(limit)


def _arms(shape: ListShape) -> list[AnySelect]:
    """Select ids and sort keys, each arm from one contiguous part of an index."""
    table, key = OptimizationSession, SORTS[shape.field]
    arm: AnySelect = select(ID, key.label("key")).where(*_start_after(shape, key, ID))
    if "created_from" in shape.filters:
        arm = arm.where(table.created_at >= bindparam("created_from"))
    if "created_to" in shape.filters:
        arm = arm.where(table.created_at < bindparam("created_to"))
    if not shape.filters & {"status", "technique", "model_id"}:
        return [arm]
    if "model_id" in shape.filters:
        arm = arm.where(table.model_id == bindparam("model_id"))
    statuses, techniques = _values(shape, "status", Status), _values(shape, "technique", Technique)
    return [
        arm.where(table.status == status, table.technique == technique)
        for status, technique in product(statuses, techniques)
    ]


def _values(shape: ListShape, name: str, kind: type[Status] | type[Technique]) -> list[ColumnElement[str]]:
    if name in shape.filters:
        return [bindparam(name, type_=String)]
    return [literal(member.value) for member in kind]


def _start_after(shape: ListShape, key: ColumnElement[Any], row_id: ColumnElement[int]) -> list[ColumnElement[bool]]:
    if not shape.after:
        return []
    value = bindparam("after_value", type_=SORTS[shape.field].type)
    row, last = tuple_(key, row_id), tuple_(value, bindparam("after_id", type_=BigInteger))
    # SQLite uses an index on an expression for the plain comparison only, not for the tuple.
    return [key <= value, row < last] if shape.descending else [key >= value, row > last]


def _order(shape: ListShape, key: ColumnElement[Any], row_id: ColumnElement[int]) -> list[ColumnElement[Any]]:
    return [key.desc(), row_id.desc()] if shape.descending else [key.asc(), row_id.asc()]
