"""What the routes take and return, described at the views with the decorator `operation`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import Flask
from pydantic import BaseModel

from app.rate_limits.limits import RateLimit

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Operation:
    """What a route takes and returns."""

    response: type[BaseModel] | None = None
    """Model of the response's body; None when the response has no JSON body."""
    status: int = 200
    """Status of the response."""
    media_type: str = "application/json"
    """Media type of the response's body; empty when there is none."""
    query: type[BaseModel] | None = None
    """Model of the query string."""
    body: type[BaseModel] | None = None
    """Model of the request's body."""
    problems: tuple[int, ...] = ()
    """Statuses of problems that don't follow from the other fields and the path."""
    headers: dict[str, str] = field(default_factory=dict)
    """Headers that the response always has, with their descriptions."""
    tagged: bool = False
    """Whether the response has an entity tag and the request may have preconditions."""
    limit: RateLimit | None = None
    """The rate limit."""


_operations: dict[str, Operation] = {}


def _key(view: Callable[..., Any]) -> str:
    return f"{view.__module__}.{view.__qualname__}"


def operation(described: Operation) -> Callable[[View], View]:
    """Describe the decorated view; its docstring becomes the summary and description of the operation."""

    def decorate(view: View) -> View:
        _operations[_key(view)] = described
        return view

    return decorate


def operation_of(view: Callable[..., Any]) -> Operation:
    """The description of a view.

    Raises:
        KeyError: The view isn't described.
    """
    return _operations[_key(view)]


def rate_limits(application: Flask) -> dict[str, RateLimit]:
    """The rate limits of an application by endpoint.

    Raises:
        KeyError: A view isn't described.
    """
    described = {endpoint: operation_of(view) for endpoint, view in application.view_functions.items()}
    return {endpoint: operation.limit for endpoint, operation in described.items() if operation.limit}
