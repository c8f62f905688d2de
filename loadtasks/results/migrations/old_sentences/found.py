"""What a sentence is turned into, and how its numbers are read."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

DURATION = r"[\d.,]+ (?:µs|ms|s)"
SHARE = r"(?:[<>] )?[\d.]+ %"
CHANGE = r"(?:[+±−]?[\d.,]+ %|[\d.,]+×)"  # noqa: RUF001 - the typographic signs are those of the sentences
LABELS = {
    "success rate": "success_rate",
    "throughput": "throughput_per_s",
    "mean": "mean_s",
    "p50": "p50_s",
    "p90": "p90_s",
    "p95": "p95_s",
    "p99": "p99_s",
    "max": "max_s",
    "mean time to connect": "connect_mean_s",
}
"""The metrics by the labels that sentences had."""
_SCALES = {"µs": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True)
class Found:
    """The code and parameters of a sentence."""

    code: str
    parameters: dict[str, Any] = field(default_factory=dict)
    severity: str | None = None
    """Given where it doesn't follow from the kind of the finding."""


Parse = Callable[[re.Match[str], dict[str, Any], Any], Found | None]
"""Makes something of a match, the finding and its verdict; None where it can't."""
Patterns = list[tuple[re.Pattern[str], Parse]]


def seconds(duration: str) -> float:
    """`11.2 ms` in seconds."""
    number, unit = duration.split(" ")
    return round(count(number) * _SCALES[unit], 9)


def share(text: str) -> float:
    """`93.0 %` as 0.93."""
    return round(count(text.lstrip("<> ").removesuffix(" %")) / 100, 9)


def change(text: str) -> float:
    """`+12 %` as 1.12, `2.1×` as 2.1."""  # noqa: RUF002 - the sign of the sentences
    if text.endswith("×"):  # noqa: RUF001
        return count(text[:-1])
    return round(1 + count(text.removesuffix(" %").replace("±", "").replace("−", "-")) / 100, 9)  # noqa: RUF001


def count(text: str) -> float:
    """`1,000` as 1000."""
    return float(text.replace(",", ""))


def statuses(text: str) -> list[int]:
    """`429 or 503` as a list; empty where none is named."""
    return [int(status) for status in re.findall(r"\d{3}", text)]


def fixed(code: str) -> Parse:
    """The same code whatever matched, without parameters."""
    return lambda _match, _finding, _verdict: Found(code)
