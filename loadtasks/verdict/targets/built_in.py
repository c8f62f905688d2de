"""Built-in targets: what every measurement is held to where no suite says otherwise."""

from collections.abc import Callable, Iterator

from loadtasks.results.findings.finding import Finding
from loadtasks.verdict.targets import availability, success
from loadtasks.verdict.targets.applied import AppliedTargets

BuiltInTarget = Callable[[AppliedTargets], Finding | None]
"""Given a measurement with the suites' targets that apply to it, the finding that it misses the built-in one."""

BUILT_IN: tuple[BuiltInTarget, ...] = (success.missed, availability.missed)
"""Every built-in target, in the order in which they are shown. A new one is a module of its own and an entry here."""


def find_missed(applied: AppliedTargets) -> Iterator[Finding]:
    """The built-in targets that a measurement misses."""
    for target in BUILT_IN:
        finding = target(applied)
        if finding is not None:
            yield finding
