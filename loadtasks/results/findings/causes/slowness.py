"""Parameters of the causes of slow requests and slow WebSockets."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from loadtasks.measurement.model import SERVER
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.parameters import Parameters


class RequestStep(BaseModel):
    """One step of a request, and how much of the response time it takes."""

    model_config = ConfigDict(frozen=True)

    name: str
    """`waiting`, `first_byte`, `outside`, `unnamed`, `body`, or `server:` and the name of a Server-Timing phase."""
    now_s: float
    """Mean time per completed request."""
    before_s: float | None = None
    """Mean time per completed request in the baseline; None where the time is attributed and not its increase."""
    share: float
    """Share of the increase over the baseline, or of the time, from 0 to 1."""
    queue_share: float = 0.0
    """The part of `share` that is the queue before the target, which grows with this step; 0 where none is charged to
    it, and in results of earlier versions."""

    @property
    def phase(self) -> str:
        """The name of the Server-Timing phase; empty where the step is none."""
        return self.name.removeprefix(SERVER) if self.name.startswith(SERVER) else ""


class DoubtCode(StrEnum):
    """What makes the shares of the steps uncertain."""

    FEW_REQUESTS = "few_requests"
    """A mean of so few requests is a matter of chance."""
    SERVER_TIMING_INCOMPLETE = "server_timing_incomplete"
    """Many responses have no Server-Timing header."""
    PHASES_OVERLAP = "phases_overlap"
    """The phases in Server-Timing add up to more than their total."""
    MEAN_UNCHANGED = "mean_unchanged"
    """The mean hardly rose, so that means can't show where the increase is."""


class Doubt(BaseModel):
    """One reason why the shares of the steps are uncertain."""

    model_config = ConfigDict(frozen=True)

    code: DoubtCode
    requests: int | None = None
    """How many requests were completed, for `few_requests`."""
    share: float | None = None
    """Share of the responses that have the header, from 0 to 1, for `server_timing_incomplete`."""


class MeanTime(BaseModel):
    """The mean time of one phase."""

    model_config = ConfigDict(frozen=True)

    now_s: float
    before_s: float | None = None
    """In the baseline; None where there is none."""


class SlowTail(Parameters):
    """A few requests are slow and most are not."""

    p50_s: float
    p95_s: float
    phase: str = ""
    """The Server-Timing phase that the slowest request spent its time in; empty where none is known."""
    phase_max_s: float | None = None
    """The longest time in that phase."""


class PartShare(Parameters):
    """How much of the time of a mixed scenario is in one of its parts."""

    dominant_part: str
    share: float
    """From 0 to 1."""
    grown: bool
    """Whether it is a share of the increase over the baseline; else of the time."""


class SlowStep(Parameters):
    """The step of a request that carries most of the increase, or of the time."""

    step: RequestStep
    doubts: tuple[Doubt, ...] = ()


class BusyConnections(SlowStep):
    """Requests that waited for a connection of the load generator."""

    waited: int
    """How many found every connection busy."""
    scheduled: int


class LargestSteps(Parameters):
    """The largest steps where none carries most."""

    steps: tuple[RequestStep, ...]


class DatabasePool(SlowStep):
    """The wait for a connection of the target's database pool."""

    size: int | None = None
    """How many connections the pool may have, by the target's own metrics; None where they don't have it."""
    size_before: int | None = None
    """How many connections the pool might have in the baseline; None where that is unknown."""


class HeldConnections(DatabasePool):
    """The wait for a connection of the pool, where each request holds its connection for longer."""

    held: RequestStep
    """The phase of the database."""


class NetworkOrTarget(SlowStep):
    """A step that a slow network and a slow target could both explain."""

    connect_s: float | None = None
    """Mean time to connect; None where nothing connected."""
    network_excluded: bool
    """Whether connecting is so fast that the network can't be the cause."""


class BodyTransfer(SlowStep):
    """The transfer of the response's body."""

    body_bytes: float | None = None
    """Mean size of a body; None where it is unknown."""
    body_bytes_before: float | None = None
    """Mean size of a body in the baseline; None where it is unknown."""


class CacheHits(Parameters):
    """A cache that has fewer responses, so that more have to be computed."""

    hit_ratio: float
    """The share of responses that came from the cache, from 0 to 1."""
    hit_ratio_before: float | None = None
    """Share of responses that came from the cache in the baseline, from 0 to 1; None where there is none."""
    computing_share: float
    """The share of the increase, or of the time, that computing the other responses takes, from 0 to 1."""
    queue_share: float = 0.0
    """The part of `computing_share` that is the queue before the target, as of a `RequestStep`."""
    grown: bool
    """Whether it is a share of the increase over the baseline; else of the time."""
    computation: MeanTime | None = None
    """Time to compute one response; None where too few were computed to compare it."""
    computation_slower: bool = False
    """Whether computing one response takes longer than in the baseline."""
    doubts: tuple[Doubt, ...] = ()


class AwaitedComputation(SlowStep):
    """Requests that wait in the cache for a response which another request computes."""

    waiting_share: float
    """The share of requests that waited, from 0 to 1."""


class SlowDelivery(Parameters):
    """The steps of an event on its way to its listeners."""

    publish: MeanTime
    """The request that publishes."""
    first_delivery: MeanTime
    """Until the first listener has the event."""
    fan_out: MeanTime
    """From the first listener to the last."""


class SlowPublishing(SlowDelivery):
    """The steps of an event on its way to its listeners, where publishing it is slow."""

    phase: str = ""
    """The Server-Timing phase that takes most of publishing; empty where none does."""
    held_phase: str = ""
    """The phase of the database, where a longer hold of connections explains the wait for one; else empty."""
    held: MeanTime | None = None
    """The time of that phase."""


class SlowOpening(Parameters):
    """The steps of opening a WebSocket."""

    connect: MeanTime
    """The whole opening, until the upgrade was accepted."""
    upgrade: MeanTime
    """The upgrade, since TCP and TLS stood."""


class SlowConnecting(Parameters):
    """The time to open a connection."""

    connect: MeanTime


PARAMETERS: Mapping[FindingCode, type[Parameters]] = {
    FindingCode.SLOW_TAIL: SlowTail,
    FindingCode.PART_DOMINATES: PartShare,
    FindingCode.NO_PART_DOMINATES: PartShare,
    FindingCode.NO_STEP_DOMINATES: LargestSteps,
    FindingCode.CONNECTIONS_BUSY: BusyConnections,
    **dict.fromkeys(
        (
            FindingCode.DATABASE_SLOW,
            FindingCode.CACHE_SLOW,
            FindingCode.SERIALISATION_SLOW,
            FindingCode.PHASE_SLOW,
            FindingCode.TARGET_CODE_SLOW,
        ),
        SlowStep,
    ),
    FindingCode.DATABASE_POOL_EXHAUSTED: DatabasePool,
    FindingCode.DATABASE_CONNECTIONS_HELD: HeldConnections,
    FindingCode.CACHE_HITS_FELL: CacheHits,
    FindingCode.CACHE_HITS_FEW: CacheHits,
    FindingCode.CACHE_COMPUTATION_AWAITED: AwaitedComputation,
    FindingCode.QUEUE_BEFORE_TARGET: NetworkOrTarget,
    FindingCode.FIRST_BYTE_SLOW: NetworkOrTarget,
    FindingCode.RESPONSES_LARGER: BodyTransfer,
    FindingCode.TRANSFER_SLOW: BodyTransfer,
    FindingCode.CONNECTING_SLOW: SlowConnecting,
    FindingCode.FAN_OUT_SLOW: SlowDelivery,
    FindingCode.PUBLISHING_SLOW: SlowPublishing,
    FindingCode.EVENT_TRANSPORT_SLOW: SlowDelivery,
    FindingCode.UPGRADE_SLOW: SlowOpening,
    FindingCode.OPENING_SLOW: SlowOpening,
}
"""By code; a code that is missing here has no parameters."""
