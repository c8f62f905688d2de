"""The codes of everything that can be found in a run, and which question each code answers."""

from enum import StrEnum
from typing import Self


class FindingKind(StrEnum):
    """Which question a finding answers."""

    VALIDITY = "validity"
    """Whether the measurement can be trusted."""
    TARGET = "target"
    REGRESSION = "regression"
    IMPROVEMENT = "improvement"
    DIAGNOSIS = "diagnosis"
    """The cause of a missed target or a regression."""
    HISTORY = "history"
    """What the baseline or the reference says without deciding the verdict: too few runs, a suspicion, a recovery, an
    acknowledged regression."""
    NOTE = "note"
    """What was not judged, and why. Decides nothing."""


class Severity(StrEnum):
    """What a finding does to the verdict; the words are those of Great Expectations."""

    CRITICAL = "critical"
    """It decides the verdict: `invalid`, `fail` or `regressed`."""
    WARNING = "warning"
    """Somebody should look at it; it decides nothing."""
    INFO = "info"


class Likelihood(StrEnum):
    """How much evidence stands for a cause."""

    LIKELY = "likely"
    """What was measured leaves no other explanation that the rules know."""
    POSSIBLE = "possible"


class FindingCode(StrEnum):
    """One thing that can be found. Stored; a code is never used again for something else.

    Its kind stands next to it; a code without one is a cause.
    """

    kind: FindingKind

    def __new__(cls, code: str, kind: FindingKind = FindingKind.DIAGNOSIS) -> Self:
        """A member that is the string `code`."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.kind = kind
        return member

    TEXT = "text", FindingKind.NOTE
    """A finding that an earlier version stored as a sentence only."""

    # Validity
    NOT_MEASURED = "not_measured", FindingKind.VALIDITY
    NOT_JUDGED = "not_judged", FindingKind.VALIDITY
    ACCESS_REFUSED = "access_refused", FindingKind.VALIDITY
    MEASUREMENT_FAILED = "measurement_failed", FindingKind.VALIDITY
    TARGET_NOT_RESPONDING = "target_not_responding", FindingKind.VALIDITY
    """It did not respond when the scenario was about to begin."""
    GENERATOR_PROCESS_DIED = "generator_process_died", FindingKind.VALIDITY
    MEASUREMENT_DIED = "measurement_died", FindingKind.VALIDITY
    """It began, and what measured it ended without a word."""
    MEASURED_CONCURRENTLY = "measured_concurrently", FindingKind.VALIDITY
    """Two tries of the same run sent its load at the same time."""
    MEASUREMENT_STOPPED = "measurement_stopped", FindingKind.VALIDITY
    """Its task reached a time limit."""
    TARGET_STOPPED_RESPONDING = "target_stopped_responding", FindingKind.VALIDITY
    INTERRUPTED = "interrupted", FindingKind.VALIDITY
    ENGINE_FAILED = "engine_failed", FindingKind.VALIDITY
    INTERNAL_ERROR = "internal_error", FindingKind.VALIDITY
    """The load engine failed on responses or messages."""
    CONSERVATION_VIOLATED = "conservation_violated", FindingKind.VALIDITY
    NOTHING_SCHEDULED = "nothing_scheduled", FindingKind.VALIDITY
    EVERYTHING_THROTTLED = "everything_throttled", FindingKind.VALIDITY
    TARGET_NOT_REACHED = "target_not_reached", FindingKind.VALIDITY
    GENERATOR_SATURATED = "generator_saturated", FindingKind.VALIDITY

    # What else bears on trust
    RUNS_OVERLAPPED = "runs_overlapped", FindingKind.NOTE
    CLOCK_WENT_BACK = "clock_went_back", FindingKind.NOTE
    """An earlier run is dated after this one: one of the two clocks was wrong."""

    # Targets
    TARGET_MISSED = "target_missed", FindingKind.TARGET
    TARGET_NOT_EVALUATED = "target_not_evaluated", FindingKind.TARGET
    NOTHING_SUCCEEDED = "nothing_succeeded", FindingKind.TARGET
    TARGETS_MET = "targets_met", FindingKind.NOTE
    """The targets that a scenario was held to and met. For programs: no page shows it."""
    NO_TARGET = "no_target", FindingKind.NOTE
    OUTAGE = "outage", FindingKind.NOTE
    STRAGGLERS = "stragglers", FindingKind.NOTE
    ERRORS = "errors", FindingKind.NOTE
    INSUFFICIENT_SAMPLE = "insufficient_sample", FindingKind.NOTE
    THROTTLED = "throttled", FindingKind.NOTE
    THROTTLING_EXPECTED = "throttling_expected", FindingKind.NOTE
    DATA_DOCS_MISSING = "data_docs_missing", FindingKind.NOTE
    """The run was judged, and Great Expectations' pages about it could not be written. Kept with its first scenario."""

    # Connections
    STALE_CONNECTIONS = "stale_connections", FindingKind.NOTE
    ADDRESS_UNREACHABLE = "address_unreachable", FindingKind.NOTE

    # Baseline
    REGRESSION = "regression", FindingKind.REGRESSION
    IMPROVEMENT = "improvement", FindingKind.IMPROVEMENT
    REGRESSION_ACKNOWLEDGED = "regression_acknowledged", FindingKind.HISTORY
    RECOVERING = "recovering", FindingKind.HISTORY
    RECOVERED = "recovered", FindingKind.HISTORY
    SUSPECTED = "suspected", FindingKind.HISTORY
    ENVIRONMENT_CHANGED = "environment_changed", FindingKind.HISTORY
    """A shift that a control shares: not the API's."""
    BASELINE_TOO_SHORT = "baseline_too_short", FindingKind.HISTORY
    NOT_COMPARABLE = "not_comparable", FindingKind.HISTORY
    CONFIRMATION = "confirmation", FindingKind.HISTORY
    INVALID_REPEATED = "invalid_repeated", FindingKind.HISTORY
    CREEP = "creep", FindingKind.HISTORY
    """A metric drifted away from its anchor, so slowly that no single run is to blame; found once."""
    ACCEPTED_AUTOMATICALLY = "accepted_automatically", FindingKind.HISTORY
    """Nobody had answered a regression, and its level is the baseline from this run on."""
    THRESHOLD_RAISED = "threshold_raised", FindingKind.HISTORY
    """Since a dismissal, a change needs more evidence."""

    # Reference
    REFERENCE_REGRESSION = "reference_regression", FindingKind.REGRESSION
    REFERENCE_IMPROVEMENT = "reference_improvement", FindingKind.IMPROVEMENT
    REFERENCE_MISSING = "reference_missing", FindingKind.HISTORY
    REFERENCE_INVALID = "reference_invalid", FindingKind.HISTORY
    REFERENCE_FAILING = "reference_failing", FindingKind.HISTORY
    """The reference failed most requests, so that it is no yardstick."""
    INCONCLUSIVE = "inconclusive", FindingKind.HISTORY
    ROUNDS_EXCLUDED = "rounds_excluded", FindingKind.HISTORY

    # Another results file
    OTHER_RUN_REGRESSION = "other_run_regression", FindingKind.REGRESSION
    OTHER_RUN_IMPROVEMENT = "other_run_improvement", FindingKind.IMPROVEMENT
    OTHER_RUN_INCONCLUSIVE = "other_run_inconclusive", FindingKind.HISTORY
    OTHER_RUN_NOT_COMPARED = "other_run_not_compared", FindingKind.HISTORY
    RUN_ALLOWANCE = "run_allowance", FindingKind.HISTORY
    """How much two runs of one build are taken to differ."""

    # Causes
    CAUSE_UNKNOWN = "cause_unknown"
    REDIS_DOWN = "redis_down"
    # ... of throttling
    RATE_LIMITED = "rate_limited"
    RATE_LIMIT_WITHOUT_RETRY_AFTER = "rate_limit_without_retry_after"
    RATE_LIMIT_DIFFERS = "rate_limit_differs"
    # ... of an outage
    TARGET_DOWN = "target_down"
    TARGET_NOT_SERVING = "target_not_serving"
    # ... of failed requests
    TOKEN_REJECTED = "token_rejected"  # noqa: S105 - no password
    PERMISSION_MISSING = "permission_missing"
    PATH_NOT_FOUND = "path_not_found"
    GATEWAY_ERROR = "gateway_error"
    TARGET_UNAVAILABLE = "target_unavailable"
    REDIRECTED = "redirected"
    REQUEST_REJECTED = "request_rejected"
    SERVER_ERROR = "server_error"
    UNEXPECTED_STATUSES = "unexpected_statuses"
    CONNECTION_CUT = "connection_cut"
    IDLE_CONNECTION_CLOSED = "idle_connection_closed"
    CONNECTION_REFUSED = "connection_refused"
    TARGET_UNREACHABLE = "target_unreachable"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS_FAILED = "tls_failed"
    RESPONSE_MALFORMED = "response_malformed"
    RESPONSE_TOO_LARGE = "response_too_large"
    CHECK_FAILED = "check_failed"
    REQUESTS_HANG = "requests_hang"
    TARGET_OVERLOADED = "target_overloaded"
    RATE_BEYOND_CAPACITY = "rate_beyond_capacity"
    # ... of slow requests
    NO_PHASES = "no_phases"
    SLOW_TAIL = "slow_tail"
    PART_DOMINATES = "part_dominates"
    NO_PART_DOMINATES = "no_part_dominates"
    NO_STEP_DOMINATES = "no_step_dominates"
    CONNECTIONS_BUSY = "connections_busy"
    DATABASE_SLOW = "database_slow"
    DATABASE_POOL_EXHAUSTED = "database_pool_exhausted"
    DATABASE_CONNECTIONS_HELD = "database_connections_held"
    CACHE_SLOW = "cache_slow"
    CACHE_HITS_FELL = "cache_hits_fell"
    CACHE_HITS_FEW = "cache_hits_few"
    CACHE_COMPUTATION_AWAITED = "cache_computation_awaited"
    SERIALISATION_SLOW = "serialisation_slow"
    PHASE_SLOW = "phase_slow"
    TARGET_CODE_SLOW = "target_code_slow"
    QUEUE_BEFORE_TARGET = "queue_before_target"
    FIRST_BYTE_SLOW = "first_byte_slow"
    RESPONSES_LARGER = "responses_larger"
    TRANSFER_SLOW = "transfer_slow"
    CONNECTING_SLOW = "connecting_slow"
    # ... of slow WebSockets
    FAN_OUT_SLOW = "fan_out_slow"
    PUBLISHING_SLOW = "publishing_slow"
    EVENT_TRANSPORT_SLOW = "event_transport_slow"
    UPGRADE_SLOW = "upgrade_slow"
    OPENING_SLOW = "opening_slow"
    # ... of failed WebSockets
    UPGRADE_TOKEN_REJECTED = "upgrade_token_rejected"  # noqa: S105 - no password
    UPGRADE_RATE_LIMITED = "upgrade_rate_limited"
    UPGRADE_UNAVAILABLE = "upgrade_unavailable"
    UPGRADE_UNSUPPORTED = "upgrade_unsupported"
    UPGRADE_FAILED = "upgrade_failed"
    WEBSOCKETS_NOT_ACCEPTED = "websockets_not_accepted"
    OPEN_FILE_LIMIT = "open_file_limit"
    CONNECTION_LIMIT = "connection_limit"
    WEBSOCKET_GOING_AWAY = "websocket_going_away"
    WEBSOCKET_CUT = "websocket_cut"
    WEBSOCKET_POLICY_VIOLATION = "websocket_policy_violation"
    WEBSOCKET_MESSAGE_TOO_BIG = "websocket_message_too_big"
    WEBSOCKET_INTERNAL_ERROR = "websocket_internal_error"
    WEBSOCKET_SERVICE_RESTART = "websocket_service_restart"
    WEBSOCKET_CLIENT_TOO_SLOW = "websocket_client_too_slow"
    WEBSOCKET_PROTOCOL_ERROR = "websocket_protocol_error"
    WEBSOCKET_APPLICATION_CODE = "websocket_application_code"
    WEBSOCKET_MALFORMED = "websocket_malformed"
    PUBLISHING_FAILED = "publishing_failed"
    LISTENERS_LOST = "listeners_lost"
    EVENTS_NOT_SHARED = "events_not_shared"
    EVENTS_NOT_DELIVERED = "events_not_delivered"
    EVENTS_DUPLICATED = "events_duplicated"
    EVENTS_OUT_OF_ORDER = "events_out_of_order"
    # ... and what is noted about the target's own metrics without being a cause
    TARGET_METRICS_UNREADABLE = "target_metrics_unreadable", FindingKind.HISTORY
    TARGET_METRICS_STAND_OUT = "target_metrics_stand_out", FindingKind.HISTORY
