"""The Server-Timing header (W3C Server Timing, https://www.w3.org/TR/server-timing/)."""

from collections.abc import Iterator
from typing import NamedTuple

_MAX_METRICS = 20
_MAX_PARAMETERS = 10
_MAX_S = 86_400.0
_MAX_LENGTH = 1000
"""Characters of a name and of a description that are kept until secrets are taken out; fewer are shown."""


class ServerPhase(NamedTuple):
    """One metric of the header: a phase of the target's work on the request."""

    name: str
    seconds: float
    description: str
    """Its `desc`, as `hit` or `miss`; empty where it has none."""


def server_timing(header: str) -> Iterator[ServerPhase]:
    """Each metric of a header that has a duration of at most a day.

    The header comes from outside, so number and lengths are bounded.
    """
    for metric in header.split(",", _MAX_METRICS)[:_MAX_METRICS]:
        name, *parameters = metric.split(";", _MAX_PARAMETERS)[: _MAX_PARAMETERS + 1]
        seconds, description = -1.0, ""
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            key = key.strip().lower()
            if key == "dur":
                seconds = _seconds(value.strip().strip('"'))
            elif key == "desc":
                description = value.strip().strip('"')[:_MAX_LENGTH]
        if 0 <= seconds <= _MAX_S:
            yield ServerPhase(name.strip()[:_MAX_LENGTH], seconds, description)


def _seconds(milliseconds: str) -> float:
    try:
        return float(milliseconds) / 1e3
    except ValueError:
        return -1.0
