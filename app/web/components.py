"""The components of a running service, which request handlers look up by their class."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar, cast

from flask import current_app

EXTENSION = "optimisation-service"

Component = TypeVar("Component")


class Components:
    """The components of one application.

    Args:
        components: One of each class.
        closers: Called in this order when the application ends.
    """

    def __init__(self, components: Iterable[object], closers: Iterable[Callable[[], None]]) -> None:
        self._by_class = {type(component): component for component in components}
        self._closers = list(closers)

    def find(self, kind: type[Component]) -> Component | None:
        """The component of a class; None when the application has none."""
        return cast(Component | None, self._by_class.get(kind))

    def close(self) -> None:
        """Stop the threads, close the WebSockets and the connections to Redis and the database."""
        for close in self._closers:
            close()


def find_component(kind: type[Component]) -> Component | None:
    """The component of a class in the application that handles the current request; None when it has none."""
    components: Components = current_app.extensions[EXTENSION]
    return components.find(kind)


def component(kind: type[Component]) -> Component:
    """The component of a class in the application that handles the current request.

    Raises:
        LookupError: The application has no such component.
    """
    found = find_component(kind)
    if found is None:
        raise LookupError(f"the application has no {kind.__name__}")
    return found
