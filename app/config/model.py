"""The optimisation criteria, what a session should achieve, and the history of their changes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.storage.models import Technique
from app.web.responses import Count, ResponseModel, Share

WEIGHT_TOLERANCE = 1e-6


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


class _CriteriaPart(BaseModel):
    """A part of the document: all fields are required and no others allowed, so it reads back exactly as written."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class Weights(_CriteriaPart):
    """How much each objective counts; the three add up to 1."""

    size: Share
    speed: Share
    accuracy: Share


class Deployment(_CriteriaPart):
    """Where the optimised model is to run, and the memory that it may use there."""

    hardware: Hardware
    memory_mib: int = Field(ge=1, le=4 * 1024 * 1024)


class Criteria(_CriteriaPart):
    """What a session should achieve."""

    objective: Objective
    """The objective that counts most."""
    max_accuracy_loss: Share
    """Accuracy that may be lost, as a difference of shares."""
    min_size_reduction: Share
    """Share by which the model must get smaller."""
    min_speedup: float = Field(ge=1, le=1000)
    """Factor by which the model must get faster."""
    techniques: list[Technique] = Field(min_length=1, json_schema_extra={"uniqueItems": True})
    """Techniques that may be used, preferred ones first."""
    weights: Weights
    """How results are ranked."""
    target: Deployment
    """Where the model is to run."""
    time_limit_s: int = Field(ge=1, le=7 * 24 * 3600)
    """Seconds that a session may take."""

    @field_validator("techniques")
    @classmethod
    def _are_unique(cls, value: list[Technique]) -> list[Technique]:
        if len(set(value)) < len(value):
            raise ValueError("names a technique twice")
        return value

    @field_validator("weights")
    @classmethod
    def _add_up(cls, value: Weights) -> Weights:
        total = value.size + value.speed + value.accuracy
        if abs(total - 1) > WEIGHT_TOLERANCE:
            raise ValueError(f"must add up to 1, not {total:g}")
        return value


DEFAULT_CRITERIA = Criteria(
    objective=Objective.BALANCED,
    max_accuracy_loss=0.01,
    min_size_reduction=0.3,
    min_speedup=1.5,
    techniques=[Technique.QUANTIZATION, Technique.PRUNING, Technique.DISTILLATION],
    weights=Weights(size=0.4, speed=0.4, accuracy=0.2),
    target=Deployment(hardware=Hardware.CPU, memory_mib=4096),
    time_limit_s=3600,
)


class CriteriaChange(ResponseModel):
    """One change of the configuration."""

    id: int = Field(ge=1)
    changed_at: datetime
    changed_by: str
    """User of the token that made the change."""
    etag_before: str
    """Entity tag of the document that was replaced."""
    etag_after: str
    """Entity tag of the document that replaced it."""
    before: Criteria
    after: Criteria


class CriteriaChangePage(ResponseModel):
    """One page of the changes of the configuration, newest first."""

    items: list[CriteriaChange]
    page: int = Field(ge=1)
    """Number of the page, from 1."""
    page_size: int = Field(ge=1)
    """Changes on a full page."""
    pages: Count
    """Number of pages."""
    total: Count
    """Number of changes on all pages."""
