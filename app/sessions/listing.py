"""How a page of sessions is come by: statements that read as many index entries as they need, never a whole index.

Every sort has three indexes: of all sessions, of those of a status and technique, and of those of a status, technique
and model. A filter that leaves status or technique open is taken as one search for each of their values, which the
database merges as it reads. A range of creation together with another sort reads all sessions in it, so that is
offered for up to ``RANGE_MAX`` of them.
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

RANGE_MAX = 20_000
DEPTH_MAX = 10_000
ID = OptimizationSession.id.expression
CREATED = "created_at"
SORTS = {
    CREATED: SORT_KEYS["creation"],
    "updated_at": SORT_KEYS["update"],
    **{name: SORT_KEYS[name] for name in ("size_reduction", "speedup", "accuracy_change")},
}


@dataclass(frozen=True)
class Shape:
    """What kind of list is asked for; the values are parameters of the statements, by the names of the attributes.

    Attributes:
        field: The sort.
        descending: Whether it descends.
        filters: Those of ``status``, ``technique``, ``model_id``, ``created_from`` and ``created_to`` that are given.
        after: Whether the list begins after a row: the parameters ``after_value`` and ``after_id``.
    """

    field: str
    descending: bool
    filters: frozenset[str]
    after: bool

    @property
    def ranged(self) -> bool:
        """Whether only sessions of a range of creation are wanted."""
        return bool(self.filters & {"created_from", "created_to"})

    @property
    def gathered(self) -> bool:
        """Whether the sessions are in an order of their own only when they were all read."""
        return self.ranged and self.field != CREATED


@lru_cache(maxsize=1024)
def page_statement(shape: Shape, columns: AnySelect) -> AnySelect:
    """Make the statement for a page's rows; parameters are the filters', ``limit``, ``offset`` and their sum ``end``.

    Args:
        shape: What kind of list.
        columns: What to select of the sessions.
    """
    page = _page(shape).limit(bindparam("limit", type_=Integer)).offset(bindparam("offset", type_=Integer)).subquery()
    rows = columns.join(page, page.c.id == OptimizationSession.id)
    return rows.order_by(*_order(shape, page.c.key, page.c.id))


@lru_cache(maxsize=256)
def count_statement(shape: Shape) -> AnySelect:
    """Make the statement for the number of sessions; where they must be gathered and are too many, for some of them."""
    if shape.ranged:
        arms = _arms(replace(shape, field=CREATED, after=False))
        if shape.gathered:
            arms = [arm.limit(RANGE_MAX + 1) for arm in arms]
        counts = [select(func.count().label("sessions")).select_from(arm.subquery()) for arm in arms]
        return select(cast(func.sum(union_all(*counts).subquery().c.sessions), BigInteger))
    counted = cast(func.coalesce(func.sum(SessionCount.sessions), 0), BigInteger)
    equal = [getattr(SessionCount, name) == bindparam(name) for name in sorted(shape.filters)]
    return select(counted).where(*equal)


def _page(shape: Shape) -> AnySelect:
    if not shape.gathered:
        return _merged(shape, bindparam("end", type_=Integer))
    # The limit keeps the databases from taking the filters and the sort together and walking along the sort's index.
    found = _merged(replace(shape, field=CREATED, after=False), literal(RANGE_MAX), SORTS[shape.field]).subquery()
    rows = select(found.c.id, found.c.value.label("key")).where(*_beginning(shape, found.c.value, found.c.id))
    return rows.order_by(*_order(shape, found.c.value, found.c.id))


def _merged(shape: Shape, limit: ColumnElement[int], *values: ColumnElement[Any]) -> AnySelect:
    """The first ids and sort keys, in order, with values of another column."""
    arms = [arm.add_columns(*(value.label("value") for value in values)) for arm in _arms(shape)]
    arms = [arm.order_by(*_order(shape, SORTS[shape.field], ID)).limit(limit) for arm in arms]
    if len(arms) == 1:
        return arms[0]
    # Each arm has its own order and limit, since PostgreSQL would sort the whole of a union.
    every = union_all(*(select(arm.subquery()) for arm in arms)).subquery()
    return select(every).order_by(*_order(shape, every.c.key, every.c.id)).limit(limit)


def _arms(shape: Shape) -> list[AnySelect]:
    """Ids and sort keys, each arm being one stretch of an index."""
    table, key = OptimizationSession, SORTS[shape.field]
    arm: AnySelect = select(ID, key.label("key")).where(*_beginning(shape, key, ID))
    if "created_from" in shape.filters:
        arm = arm.where(table.created_at >= bindparam("created_from"))
    if "created_to" in shape.filters:
        arm = arm.where(table.created_at < bindparam("created_to"))
    if not shape.filters & {"status", "technique", "model_id"}:
        return [arm]
    if "model_id" in shape.filters:
        arm = arm.where(table.model_id == bindparam("model_id"))
    statuses, techniques = _values(shape, "status", Status), _values(shape, "technique", Technique)
    return [arm.where(table.status == one, table.technique == other) for one, other in product(statuses, techniques)]


def _values(shape: Shape, name: str, kind: type[Status] | type[Technique]) -> list[ColumnElement[str]]:
    if name in shape.filters:
        return [bindparam(name, type_=String)]
    return [literal(one.value) for one in kind]


def _beginning(shape: Shape, key: ColumnElement[Any], row_id: ColumnElement[int]) -> list[ColumnElement[bool]]:
    if not shape.after:
        return []
    value = bindparam("after_value", type_=SORTS[shape.field].type)
    row, last = tuple_(key, row_id), tuple_(value, bindparam("after_id", type_=BigInteger))
    # SQLite finds the place in an index of an expression by the plain comparison only.
    return [key <= value, row < last] if shape.descending else [key >= value, row > last]


def _order(shape: Shape, key: ColumnElement[Any], row_id: ColumnElement[int]) -> list[ColumnElement[Any]]:
    return [key.desc(), row_id.desc()] if shape.descending else [key.asc(), row_id.asc()]
