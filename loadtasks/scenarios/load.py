"""Load profiles as they stand in a scenario file: how much, how fast, for how long.

`content` gives a profile under names that never change, since a scenario's hash and the load that a measurement keeps
are made of it. They are therefore written out, and are not those of the fields, which may be renamed.
"""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from loadtasks.scenarios.think_time import ThinkTime
from loadtasks.scenarios.values import (
    MAX_REQUESTS,
    MAX_SECONDS,
    AtOnce,
    AtOnceOrNone,
    Count,
    Rate,
    RateOrNone,
    Seconds,
    SecondsOrNone,
    Seed,
)

Content = dict[str, Any]
MAX_STAGES = 1000
MAX_POISSON_REQUESTS = 10_000_000
"""Requests of a Poisson process, whose due times are all drawn before the load begins: 80 MB."""
MAX_TURNS = 1_000_000
"""Workers times stages: when each worker begins and ends in each stage is computed before the load begins."""
_MIN_REQUESTS = 1e-9
"""Requests due in all from which one is sent (`pacer`)."""


class _Load(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _times(count: int, factor: float) -> int:
    return max(1, math.ceil(count * factor - 1e-9))


def _times_or_none(count: int, factor: float) -> int:
    return _times(count, factor) if count else 0


def _check_duration(duration_s: float) -> None:
    if not duration_s <= MAX_SECONDS:
        raise ValueError(f"it lasts {duration_s:g} s; at most {MAX_SECONDS:,.0f} s are possible")


def _check_expected(requests: float, maximum: int) -> None:
    """See that the requests of an open load can be scheduled, and that there are any."""
    if requests <= _MIN_REQUESTS:
        raise ValueError("nothing would be sent; give it a higher rate or a longer duration")
    if requests > maximum:
        raise ValueError(f"it would send {requests:,.0f} requests; at most {maximum:,} are possible")


class ClosedProfile(_Load):
    """What closed loads share: workers that send their next request when they have the response to the last."""

    think_time_s: ThinkTime | None = None

    def _pauses(self) -> Content:
        pause = self.think_time_s
        if pause is None:
            return {}
        return {"think_time_s": {"min": pause.min, "max": pause.max, "mean": pause.mean, "seed": pause.seed}}


class ClosedLoad(ClosedProfile):
    """A constant number of workers. The load factor multiplies workers and requests, never the duration."""

    model: Literal["closed"] = "closed"
    workers: AtOnce
    requests: Count | None = None
    """Over all workers together."""
    duration_s: Seconds | None = None
    max_duration_s: Seconds = 120.0
    """Where `requests` ends the load: after this time the rest is dropped, so that a hanging target ends too."""

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if (self.requests is None) == (self.duration_s is None):
            raise ValueError("a closed load ends after `requests` or after `duration_s`: give one of them")
        return self

    def content(self) -> Content:
        """All of the profile, under names that never change."""
        content = {
            "model": "closed",
            "workers": self.workers,
            "requests": self.requests,
            "duration_s": self.duration_s,
            "max_duration_s": self.max_duration_s,
        }
        return content | self._pauses()

    def scaled(self, factor: float) -> Self:
        """The same profile under `factor` times the load."""
        requests = None if self.requests is None else _times(self.requests, factor)
        return self.model_copy(update={"workers": _times(self.workers, factor), "requests": requests})


class WorkerStage(_Load):
    """A straight line from the number of workers before to this one."""

    workers: AtOnceOrNone
    """At the stage's end."""
    duration_s: Seconds


class WorkerStagesLoad(ClosedProfile):
    """A closed load whose number of workers ramps from stage to stage. The load factor multiplies the workers."""

    model: Literal["worker_stages"] = "worker_stages"
    start_workers: AtOnceOrNone = 0
    stages: Annotated[tuple[WorkerStage, ...], Field(min_length=1, max_length=MAX_STAGES, strict=False)]

    @model_validator(mode="after")
    def _has_workers(self) -> Self:
        if not self.max_workers:
            raise ValueError("every stage has 0 workers, so nothing would be sent")
        if self.max_workers * len(self.stages) > MAX_TURNS:
            raise ValueError(f"workers times stages are more than {MAX_TURNS:,}; give it fewer of one of them")
        _check_duration(self.duration_s)
        return self

    @property
    def max_workers(self) -> int:
        """The highest number of workers at a time."""
        return max(self.start_workers, *(stage.workers for stage in self.stages))

    @property
    def duration_s(self) -> float:
        """Of all stages together."""
        return sum(stage.duration_s for stage in self.stages)

    def content(self) -> Content:
        """All of the profile, under names that never change."""
        stages = [{"workers": stage.workers, "duration_s": stage.duration_s} for stage in self.stages]
        return {"model": "worker_stages", "start_workers": self.start_workers, "stages": stages} | self._pauses()

    def scaled(self, factor: float) -> Self:
        """The same profile under `factor` times the load; no workers stay none."""
        stages = tuple(
            stage.model_copy(update={"workers": _times_or_none(stage.workers, factor)}) for stage in self.stages
        )
        return self.model_copy(update={"start_workers": _times_or_none(self.start_workers, factor), "stages": stages})


class OpenProfile(_Load):
    """What open loads share: requests are due at times that the profile alone decides (`engine.profiles.pacer`)."""

    max_connections: AtOnce = 256
    queue_timeout_s: Seconds = 10.0
    """How long a due request waits for a free connection before it is dropped."""

    def _queue(self) -> Content:
        # The queue timeout had this name when the first hashes were stored; another one would end every baseline.
        return {"max_connections": self.max_connections, "patience_s": self.queue_timeout_s}


class OpenLoad(OpenProfile):
    """Requests that are due at a steady rate, however fast the target responds. The load factor multiplies the rate."""

    model: Literal["open"] = "open"
    rate: Rate
    """Requests a second."""
    duration_s: Seconds
    arrivals: Literal["constant", "poisson"] = "constant"
    """Evenly spaced, or random as independent users arrive: a Poisson process."""
    seed: Seed = 1
    """Of the Poisson process: the same seed gives the same due times in every run."""

    @model_validator(mode="after")
    def _can_be_scheduled(self) -> Self:
        maximum = MAX_POISSON_REQUESTS if self.arrivals == "poisson" else MAX_REQUESTS
        _check_expected(self.expected, maximum)
        return self

    @property
    def expected(self) -> float:
        """Requests due in all."""
        return self.rate * self.duration_s

    @property
    def peak_rate(self) -> float:
        """The highest rate, in requests a second."""
        return self.rate

    def content(self) -> Content:
        """All of the profile, under names that never change."""
        content = {
            "model": "open",
            "rate": self.rate,
            "duration_s": self.duration_s,
            "arrivals": self.arrivals,
            "seed": self.seed,
        }
        return content | self._queue()

    def scaled(self, factor: float) -> Self:
        """The same profile under `factor` times the load."""
        return self.model_copy(update={"rate": self.rate * factor})


class Stage(_Load):
    """A straight line from the rate before to this one."""

    rate: RateOrNone
    """Requests a second at the stage's end."""
    duration_s: Seconds

    def content(self) -> Content:
        """All of the stage, under names that never change."""
        return {"rate": self.rate, "duration_s": self.duration_s}


class StagesLoad(OpenProfile):
    """Requests that are due at a rate that ramps from stage to stage. The load factor multiplies every rate."""

    model: Literal["stages"] = "stages"
    start_rate: RateOrNone = 0.0
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=MAX_STAGES, strict=False)]

    @model_validator(mode="after")
    def _can_be_scheduled(self) -> Self:
        if not self.peak_rate:
            raise ValueError("every rate is 0, so nothing would be sent")
        _check_duration(self.duration_s)
        _check_expected(self.expected, MAX_REQUESTS)
        return self

    @property
    def expected(self) -> float:
        """Requests due in all: the area under the line of the rates."""
        rates = (self.start_rate, *(stage.rate for stage in self.stages))
        return sum((rates[n] + stage.rate) / 2 * stage.duration_s for n, stage in enumerate(self.stages))

    @property
    def duration_s(self) -> float:
        """Of all stages together."""
        return sum(stage.duration_s for stage in self.stages)

    @property
    def peak_rate(self) -> float:
        """The highest rate, in requests a second."""
        return max(self.start_rate, *(stage.rate for stage in self.stages))

    def content(self) -> Content:
        """All of the profile, under names that never change."""
        stages = [stage.content() for stage in self.stages]
        return {"model": "stages", "start_rate": self.start_rate, "stages": stages} | self._queue()

    def scaled(self, factor: float) -> Self:
        """The same profile under `factor` times the load."""
        stages = tuple(stage.model_copy(update={"rate": stage.rate * factor}) for stage in self.stages)
        return self.model_copy(update={"start_rate": self.start_rate * factor, "stages": stages})


AnyClosedLoad = ClosedLoad | WorkerStagesLoad
AnyOpenLoad = OpenLoad | StagesLoad
"""Annotations name these unions, and code that treats all open (or all closed) loads alike matches `OpenProfile` (or
`ClosedProfile`): a load that is added to a union here is then driven, shared, planned and cut into rounds."""


class ConnectionsLoad(_Load):
    """WebSockets opened at once and held until all are open, or longer. The load factor multiplies their number."""

    model: Literal["connections"] = "connections"
    connections: AtOnce
    hold_s: SecondsOrNone = 0.0
    """How long they are held once all are open."""

    def content(self) -> Content:
        """All of the profile, under names that never change."""
        content: Content = {"model": "connections", "connections": self.connections}
        return content | ({"hold_s": self.hold_s} if self.hold_s else {})

    def scaled(self, factor: float) -> Self:
        """The same profile under `factor` times the load."""
        return self.model_copy(update={"connections": _times(self.connections, factor)})


class BroadcastLoad(_Load):
    """Events published while listeners wait. The load factor multiplies the listeners.

    Either a number of `events` at a constant `rate`, or an open profile: `rate` with `duration_s`, or `stages`.
    """

    model: Literal["broadcast"] = "broadcast"
    listeners: AtOnce
    events: Count | None = None
    rate: Rate | None = None
    """Events published a second."""
    duration_s: Seconds | None = None
    arrivals: Literal["constant", "poisson"] | None = None
    seed: Seed | None = None
    start_rate: RateOrNone | None = None
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=MAX_STAGES, strict=False)] | None = None

    @model_validator(mode="after")
    def _one_profile(self) -> Self:
        profile = ("events", "rate", "duration_s", "arrivals", "seed", "start_rate", "stages")
        given = {name for name in profile if getattr(self, name) is not None}
        steady = {"rate", "duration_s"} <= given <= {"rate", "duration_s", "arrivals", "seed"}
        ramped = {"stages"} <= given <= {"start_rate", "stages"}
        if not (given == {"events", "rate"} or steady or ramped):
            raise ValueError(
                "events are published as `events` at a `rate`, or under an open profile: `rate` with `duration_s` "
                "(and `arrivals`, `seed`), or `stages` (and `start_rate`)"
            )
        try:
            expected = self.publishing.expected
        except ValidationError as error:
            raise ValueError(f"its events can't be published: {error.errors()[0]['msg']}") from None
        if expected * self.listeners > MAX_REQUESTS:
            raise ValueError(f"more than {MAX_REQUESTS:,} deliveries; give it fewer events or listeners")
        return self

    @property
    def publishing(self) -> AnyOpenLoad:
        """The open profile of the publishing requests."""
        if self.stages is not None:
            return StagesLoad(start_rate=self.start_rate or 0.0, stages=self.stages)
        rate = self.rate or 0.0
        if self.events is not None:
            return OpenLoad(rate=rate, duration_s=self.events / rate)
        poisson = {"arrivals": self.arrivals, "seed": self.seed}
        given = {name: value for name, value in poisson.items() if value is not None}
        return OpenLoad.model_validate({"rate": rate, "duration_s": self.duration_s, **given})

    def content(self) -> Content:
        """All of the profile, under names that never change."""
        later = {
            "duration_s": self.duration_s,
            "arrivals": self.arrivals,
            "seed": self.seed,
            "start_rate": self.start_rate,
            "stages": None if self.stages is None else [stage.content() for stage in self.stages],
        }
        content: Content = {"model": "broadcast", "listeners": self.listeners, "events": self.events, "rate": self.rate}
        return content | {name: value for name, value in later.items() if value is not None}

    def scaled(self, factor: float) -> Self:
        """The same profile under `factor` times the load."""
        return self.model_copy(update={"listeners": _times(self.listeners, factor)})


HttpLoad = Annotated[AnyClosedLoad | AnyOpenLoad, Field(discriminator="model")]
Load = HttpLoad | ConnectionsLoad | BroadcastLoad
LOADS: dict[str, type[BaseModel]] = {
    "workers": ClosedLoad,
    "rate": OpenLoad,
    "stages": StagesLoad,
    "connections": ConnectionsLoad,
    "listeners": BroadcastLoad,
}
"""By the key of a `load` that says which profile it is; the last of these that is given decides. `stages` of workers
are a `WorkerStagesLoad`."""


def connections_needed(load: Load) -> int:
    """How many connections a load has at the same time, whatever the target does."""
    match load:
        case ClosedLoad():
            return load.workers
        case WorkerStagesLoad():
            return load.max_workers
        case ConnectionsLoad():
            return load.connections
        case BroadcastLoad():
            return load.listeners
        case _:
            return 1


def profile_duration_s(load: Load) -> float | None:
    """How long a profile sends, in seconds; None where a number of requests, events or connections ends it."""
    match load:
        case ClosedProfile() | OpenProfile():
            return load.duration_s
        case BroadcastLoad(events=None):
            return load.publishing.duration_s
        case _:
            return None
