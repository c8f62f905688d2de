"""How sure one wants to be before anybody is woken: what people set of the verdict."""

import os
from dataclasses import dataclass
from typing import Self

from loadtasks.errors import BadInputError


@dataclass(frozen=True)
class Sensitivity:
    """When a change over the nights is told."""

    runs_per_false_alarm: float = 100.0
    """At most one false alarm in so many nights, all scenarios and metrics together."""
    min_effect: float = 0.03
    """The least relative change of a time or throughput that is told."""
    accept_improvements: bool = True
    """Whether later nights are compared with an improvement as soon as it is found."""

    @classmethod
    def from_environ(cls) -> Self:
        """The sensitivity of LOADTASKS_FALSE_ALARM_NIGHTS, LOADTASKS_FLOOR and LOADTASKS_IMPROVEMENTS.

        Raises:
            BadInputError: one of them makes no sense.
        """
        nights = _number("LOADTASKS_FALSE_ALARM_NIGHTS", cls.runs_per_false_alarm)
        if nights < 1:
            raise BadInputError(
                f"LOADTASKS_FALSE_ALARM_NIGHTS {nights:g}: at most one false alarm in so many nights, 1 or more."
            )
        floor = _number("LOADTASKS_FLOOR", cls.min_effect)
        if not 0 < floor < 1:
            raise BadInputError(f"LOADTASKS_FLOOR {floor:g}: the least change that is told, such as 0.03 for 3 %.")
        improvements = os.environ.get("LOADTASKS_IMPROVEMENTS") or "accept"
        if improvements not in ("accept", "ask"):
            raise BadInputError(
                f"LOADTASKS_IMPROVEMENTS {improvements}: write accept (an improvement is the new level at once) or "
                "ask (somebody approves it)."
            )
        return cls(nights, floor, improvements == "accept")


def _number(name: str, default: float) -> float:
    said = os.environ.get(name) or str(default)
    try:
        return float(said)
    except ValueError:
        raise BadInputError(f"{name} {said}: is no number.") from None
