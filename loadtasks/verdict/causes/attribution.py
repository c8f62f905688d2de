"""Which step of a request carries the time, or its growth against the baseline.

The steps of an answered request follow each other and add up to its response time:

    due ─waiting─► sent ─first_byte─► ─body─► end
                        └ outside of the target's own account, its named phases, the unnamed rest of its total

Each is told in seconds a completed request, in which a phase may come never or more than once.
"""

from dataclasses import dataclass

from loadtasks import units
from loadtasks.measurement.model import SERVER, Measurement

WAITING, FIRST_BYTE, OUTSIDE, UNNAMED, BODY = "waiting", "first_byte", "outside", "unnamed", "body"
TOTAL = SERVER + "total"
"""What the target says it took altogether; its other phases are parts of it."""
_FEW = 20
"""Of fewer requests a mean is a matter of chance."""
_COVERED = 0.9
"""The share of answers whose phases the target has to tell."""
_OVERLAP = 1.1
"""The target's phases may add up to so many times its total: each is rounded."""


@dataclass(frozen=True)
class Step:
    """One step's share."""

    name: str
    now_s: float
    before_s: float | None
    """Of the baseline; None where growth is not what is shared out."""
    share: float
    """Of the growth, or of the time, 0 to 1."""

    @property
    def amount(self) -> str:
        """`96.5 % of the growth (from 0.8 ms to 52.9 ms a request)`."""
        if self.before_s is None:
            return f"{units.share(self.share)} of the time ({units.duration(self.now_s)} a request)"
        rise = f"from {units.duration(self.before_s)} to {units.duration(self.now_s)} a request"
        return f"{units.share(self.share)} of the growth ({rise})"

    @property
    def phase(self) -> str:
        """The name of the target's own phase; empty where it is none."""
        return self.name.removeprefix(SERVER) if self.name.startswith(SERVER) else ""

    @property
    def in_target(self) -> bool:
        """Whether the target accounts for it."""
        return self.name.startswith(SERVER) or self.name == UNNAMED


@dataclass(frozen=True)
class Attribution:
    """All steps, the largest share first."""

    steps: list[Step]
    grown: bool
    """Whether growth is shared out; else the time."""
    doubts: list[str]
    """What makes the shares uncertain, each a clause."""

    def step(self, *names: str) -> Step | None:
        """The first of these steps."""
        return next((step for step in self.steps if step.name in names), None)

    def without(self, name: str) -> "Attribution | None":
        """The shares of the other steps among themselves; None where there is nothing to be shared out."""
        rest = [step for step in self.steps if step.name != name]
        whole = sum(each.share for each in rest)
        if whole <= 0:
            return None
        steps = [Step(each.name, each.now_s, each.before_s, each.share / whole) for each in rest]
        return Attribution(steps, self.grown, self.doubts)


def attribute(measurement: Measurement, baseline: Measurement | None, growth: float) -> Attribution | None:
    """Share out the growth of the mean, or the mean where there is none to explain; None where no step was measured.

    `growth`: so many times the baseline's mean is some.
    """
    now = steps_s(measurement)
    before = steps_s(baseline) if baseline is not None else {}
    grown = bool(before) and sum(now.values()) > growth * sum(before.values())
    amounts = {name: max(0.0, now_s - before.get(name, 0.0) if grown else now_s) for name, now_s in now.items()}
    whole = sum(amounts.values())
    if whole <= 0:
        return None
    steps = [
        Step(name, now[name], before.get(name, 0.0) if grown else None, amount / whole)
        for name, amount in sorted(amounts.items(), key=lambda each: -each[1])
    ]
    doubts = _doubts(measurement) + (_doubts(baseline) if baseline is not None and grown else [])
    if before and not grown:
        doubts.append("the mean hardly rose, so what grew can't be told from means")
    return Attribution(steps, grown, list(dict.fromkeys(doubts)))


def steps_s(measurement: Measurement) -> dict[str, float]:
    """Seconds a completed request of each step."""
    requests = max(1, measurement.counts.completed)
    means = {name: phase.total_s / requests for name, phase in measurement.phases.items()}
    steps = {name: means[name] for name in (WAITING, BODY) if name in means}
    if FIRST_BYTE not in means:
        return steps
    server = {name: mean for name, mean in means.items() if name.startswith(SERVER) and name != TOTAL}
    if not server and TOTAL not in means:
        return steps | {FIRST_BYTE: means[FIRST_BYTE]}
    named = sum(server.values())
    total = max(means.get(TOTAL, named), named)
    return steps | server | {UNNAMED: total - named, OUTSIDE: max(0.0, means[FIRST_BYTE] - total)}


def _doubts(measurement: Measurement) -> list[str]:
    completed = measurement.counts.completed
    doubts = []
    if completed < _FEW:
        doubts.append(f"means of only {units.plural(completed, 'request')} are a matter of chance")
    server = {name: phase for name, phase in measurement.phases.items() if name.startswith(SERVER)}
    covered = max((phase.count for phase in server.values()), default=completed)
    if covered < _COVERED * completed:
        doubts.append(f"only {units.share(covered / completed)} of the answers tell the target's phases")
    total = server.get(TOTAL)
    if total is not None:
        named_s = sum(phase.total_s for name, phase in server.items() if name != TOTAL)
        if named_s > _OVERLAP * total.total_s:
            doubts.append("the target's phases add up to more than its total, so they overlap")
    return doubts
