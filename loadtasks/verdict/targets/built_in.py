"""Built-in targets: what every measurement is held to where no suite says otherwise."""

from collections.abc import Callable, Iterator

from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import MetTarget
from loadtasks.verdict.targets import availability, success
from loadtasks.verdict.targets.applied import AppliedTargets, Minimum

BuiltInTarget = Callable[[AppliedTargets], Minimum | None]
"""Given a measurement with the suites' targets that apply to it, what the built-in one demands; None: nothing."""

BUILT_IN: tuple[BuiltInTarget, ...] = (success.minimum, availability.minimum)
"""Every built-in target, in the order in which they are shown. A new one is a module of its own and an entry here."""


def judge(applied: AppliedTargets) -> Iterator[Finding | MetTarget]:
    """The built-in targets that a measurement misses, as findings, and those that it meets."""
    for target in BUILT_IN:
        minimum = target(applied)
        outcome = minimum.judge(applied.measurement) if minimum is not None else None
        if outcome is not None:
            yield outcome
