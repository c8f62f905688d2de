"""Which step of a request carries its response time, or the increase of it over the baseline.

The steps of a completed request follow each other and add up to its response time:

    due ─waiting─► sent ─first_byte─► ─body─► end
                        └ outside the target's own account, its Server-Timing phases, the unnamed rest of its total

The time of a step is its mean in seconds per completed request, in which a phase may occur never or more than once.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from loadtasks.measurement.model import SERVER, Measurement, Phase
from loadtasks.results.findings.causes.slowness import Doubt, DoubtCode, RequestStep

WAITING, FIRST_BYTE, OUTSIDE, UNNAMED, BODY = "waiting", "first_byte", "outside", "unnamed", "body"
TOTAL = SERVER + "total"
"""The time that the target reports for the whole request; its other phases are parts of it."""
_MIN_REQUESTS = 20
"""With fewer requests a mean is doubtful. A rule of thumb: its standard error is then above a fifth of the scatter."""
_MIN_COVERAGE = 0.9
"""The share of responses that have to carry Server-Timing, or the shares are doubtful. A rule of thumb."""
_MAX_OVERLAP = 1.1
"""The phases overlap when their sum exceeds this multiple of the total; each is rounded. A rule of thumb."""


@dataclass(frozen=True)
class Attribution:
    """All steps, the largest share first."""

    steps: list[RequestStep]
    grown: bool
    """Whether the increase over the baseline is attributed; else the time."""
    doubts: tuple[Doubt, ...]
    """What makes the shares uncertain."""

    def step(self, *names: str) -> RequestStep | None:
        """The first of these steps."""
        return next((step for step in self.steps if step.name in names), None)

    def without(self, name: str) -> "Attribution | None":
        """The shares of the other steps among themselves; None where nothing is left to attribute."""
        rest = [step for step in self.steps if step.name != name]
        whole = sum(step.share for step in rest)
        if whole <= 0:
            return None
        steps = [
            step.model_copy(update={"share": step.share / whole, "queue_share": step.queue_share / whole})
            for step in rest
        ]
        return Attribution(steps, self.grown, self.doubts)


def attribute(measurement: Measurement, baseline: Measurement | None, min_growth: float) -> Attribution | None:
    """Attribute the increase of the mean to the steps, or the mean itself where it rose by too little.

    `min_growth`: the increase is attributed when the mean exceeds this multiple of the baseline's. None where no step
    was measured.
    """
    now = steps_s(measurement)
    before = steps_s(baseline) if baseline is not None else {}
    grown = bool(before) and sum(now.values()) > min_growth * sum(before.values())
    amounts = {name: max(0.0, now_s - before.get(name, 0.0) if grown else now_s) for name, now_s in now.items()}
    whole = sum(amounts.values())
    if whole <= 0:
        return None
    steps = [
        RequestStep(
            name=name,
            now_s=now[name],
            before_s=before.get(name, 0.0) if grown else None,
            share=min(1.0, amount / whole),
        )
        for name, amount in sorted(amounts.items(), key=lambda item: -item[1])
    ]
    doubts = _doubts(measurement) + (_doubts(baseline) if baseline is not None and grown else [])
    if before and not grown:
        doubts.append(Doubt(code=DoubtCode.MEAN_UNCHANGED))
    return Attribution(steps, grown, tuple(dict.fromkeys(doubts)))


def steps_s(measurement: Measurement) -> dict[str, float]:
    """The time of each step in seconds per completed request, by its name."""
    return steps_of_phases_s(measurement.phases, measurement.counts.completed)


def steps_of_phases_s(phases: Mapping[str, Phase], completed: int) -> dict[str, float]:
    """The time of each step in seconds per completed request, by its name, from the phases of a measurement."""
    requests = max(1, completed)
    means = {name: phase.total_s / requests for name, phase in phases.items()}
    steps = {name: means[name] for name in (WAITING, BODY) if name in means}
    if FIRST_BYTE not in means:
        return steps
    server = {name: mean for name, mean in means.items() if name.startswith(SERVER) and name != TOTAL}
    if not server and TOTAL not in means:
        return steps | {FIRST_BYTE: means[FIRST_BYTE]}
    named = sum(server.values())
    total = max(means.get(TOTAL, named), named)
    return steps | server | {UNNAMED: total - named, OUTSIDE: max(0.0, means[FIRST_BYTE] - total)}


def _doubts(measurement: Measurement) -> list[Doubt]:
    completed = measurement.counts.completed
    doubts = []
    if completed < _MIN_REQUESTS:
        doubts.append(Doubt(code=DoubtCode.FEW_REQUESTS, requests=completed))
    server = {name: phase for name, phase in measurement.phases.items() if name.startswith(SERVER)}
    covered = max((phase.count for phase in server.values()), default=completed)
    if covered < _MIN_COVERAGE * completed:
        doubts.append(Doubt(code=DoubtCode.SERVER_TIMING_INCOMPLETE, share=covered / completed))
    total = server.get(TOTAL)
    if total is not None:
        named_s = sum(phase.total_s for name, phase in server.items() if name != TOTAL)
        if named_s > _MAX_OVERLAP * total.total_s:
            doubts.append(Doubt(code=DoubtCode.PHASES_OVERLAP))
    return doubts
