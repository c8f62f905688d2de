"""Phrases that the sentences of several causes share."""

from collections.abc import Callable
from typing import Any

from loadtasks import units
from loadtasks.results.findings.causes.failures import FailedRequests
from loadtasks.results.findings.causes.slowness import MeanTime
from loadtasks.results.findings.finding import Finding


def always(text: str) -> Callable[[Finding, Any], str]:
    """A text that has no parameters."""
    return lambda _finding, _parameters: text


def of_all(parameters: FailedRequests, noun: str = "request", nouns: str | None = None) -> str:
    """How many of all: `40 of 120 requests (33.3 %)`."""
    count, scheduled = parameters.count, parameters.scheduled
    return f"{units.count(count)} of {units.plural(scheduled, noun, nouns)} ({units.share(count / scheduled)})"


def example(sample: str) -> str:
    """A sample to be added to a sentence; empty where there is none."""
    return f", e.g. {sample}" if sample else ""


def percent(share: float) -> str:
    """A share of 0 to 1 in whole percent, `93 %`; with decimals where whole ones would read as nothing or all."""
    return f"{share:.0%}".replace("%", " %") if 0.005 <= share < 0.995 else units.share(share)  # noqa: PLR2004


def time(mean: MeanTime) -> str:
    """A mean time with that of the baseline: `900 ms (8.00 ms in the baseline)`."""
    before = f" ({units.duration(mean.before_s)} in the baseline)" if mean.before_s is not None else ""
    return f"{units.duration(mean.now_s)}{before}"
