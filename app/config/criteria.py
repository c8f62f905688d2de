"""The optimisation criteria: what a session should reach, as one configuration document."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import select, update

from app.cache.local import Cache
from app.config.changes import record_change
from app.storage.database import Database
from app.storage.models import Document, Technique

NAME = "optimization-criteria"
TOLERANCE = 1e-6

Share = Annotated[float, Field(ge=0, le=1)]


class Objective(StrEnum):
    """What matters most."""

    SIZE = "size"
    SPEED = "speed"
    ACCURACY = "accuracy"
    BALANCED = "balanced"


class Hardware(StrEnum):
    """Where the optimised model is to run."""

    CPU = "cpu"
    GPU = "gpu"
    EDGE = "edge"


class _Strict(BaseModel):
    """A part of the document: all fields are needed and no others are taken, so it reads back exactly as written."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Weights(_Strict):
    """How much each objective counts; the three make 1."""

    size: Share
    speed: Share
    accuracy: Share


class Target(_Strict):
    """Where the optimised model is to run, and the memory it may take there."""

    hardware: Hardware
    memory_mib: int = Field(ge=1, le=4 * 1024 * 1024)


class Criteria(_Strict):
    """The document.

    Attributes:
        objective: What matters most.
        max_accuracy_loss: Accuracy that may be lost, as a difference of shares.
        min_size_reduction: Share of the size that must go.
        min_speedup: Factor by which the model must get faster.
        techniques: Techniques that may be used, most welcome first.
        weights: How results are ranked.
        target: Where the model is to run.
        time_limit_s: Seconds that a session may take.
    """

    objective: Objective
    max_accuracy_loss: Share
    min_size_reduction: Share
    min_speedup: float = Field(ge=1, le=1000)
    techniques: list[Technique] = Field(min_length=1, json_schema_extra={"uniqueItems": True})
    weights: Weights
    target: Target
    time_limit_s: int = Field(ge=1, le=7 * 24 * 3600)

    @field_validator("techniques")
    @classmethod
    def _each_once(cls, value: list[Technique]) -> list[Technique]:
        if len(set(value)) < len(value):
            raise ValueError("names a technique twice")
        return value

    @field_validator("weights")
    @classmethod
    def _make_one(cls, value: Weights) -> Weights:
        total = value.size + value.speed + value.accuracy
        if abs(total - 1) > TOLERANCE:
            raise ValueError(f"must add up to 1, not {total:g}")
        return value


DEFAULT = Criteria(
    objective=Objective.BALANCED,
    max_accuracy_loss=0.01,
    min_size_reduction=0.3,
    min_speedup=1.5,
    techniques=[Technique.QUANTIZATION, Technique.PRUNING, Technique.DISTILLATION],
    weights=Weights(size=0.4, speed=0.4, accuracy=0.2),
    target=Target(hardware=Hardware.CPU, memory_mib=4096),
    time_limit_s=3600,
)


class CriteriaStore:
    """Keeps the document in the database, and in a cache for those who ask.

    A document that was put is in every answer to a request that is made after the put was answered.

    Args:
        database: Where it is kept.
        cache: Where it is kept for a while too.
        ttl_s: Seconds for which the cache keeps it.
    """

    def __init__(self, database: Database, cache: Cache, ttl_s: float) -> None:
        self._database = database
        self._cache = cache
        self._ttl_s = ttl_s

    def get(self) -> bytes:
        """The document as JSON: the last one stored, or the default one."""
        return self._cache.get(NAME, self._ttl_s, self._load)

    def _load(self) -> bytes:
        with self._database.read() as connection:
            body = connection.scalar(select(Document.body).where(Document.name == NAME))
        return (DEFAULT.model_dump_json() if body is None else body).encode()

    def put(self, criteria: Criteria, who: str, check: Callable[[bytes], None]) -> bytes:
        """Store a document durably, with its change in the audit trail, or neither.

        Args:
            criteria: The document.
            who: Name of the token that it was put with.
            check: Gets the document that would be replaced, which nobody can change meanwhile; what it raises leaves
                everything as it is.

        Returns:
            The document as JSON.
        """
        after, now = criteria.model_dump_json(), datetime.now(UTC)
        first = {"name": NAME, "body": DEFAULT.model_dump_json(), "updated_at": now}
        with self._database.write(durable=True, told=True) as connection:
            # A statement that writes comes first: it is what locks the document, for other processes too.
            connection.execute(self._database.insert(Document).values(first).on_conflict_do_nothing())
            before = connection.scalars(select(Document.body).where(Document.name == NAME).with_for_update()).one()
            check(before.encode())
            record_change(connection, NAME, who, before, after)
            connection.execute(update(Document).where(Document.name == NAME).values(body=after, updated_at=now))
        self._cache.invalidate(NAME)
        return after.encode()
