"""The codes of everything that can be found in a run, and which question each code answers."""

from enum import StrEnum


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
    """One thing that can be found. Stored; a code is never used again for something else."""

    TEXT = "text"
    """A finding that an earlier version stored as a sentence only."""

    # Validity
    NOT_MEASURED = "not_measured"
    NOT_JUDGED = "not_judged"
    MEASUREMENT_FAILED = "measurement_failed"
    TARGET_STOPPED_RESPONDING = "target_stopped_responding"
    INTERRUPTED = "interrupted"
    ENGINE_FAILED = "engine_failed"
    CONSERVATION_VIOLATED = "conservation_violated"
    NOTHING_SCHEDULED = "nothing_scheduled"
    EVERYTHING_THROTTLED = "everything_throttled"
    TARGET_NOT_REACHED = "target_not_reached"
    GENERATOR_SATURATED = "generator_saturated"

    # Targets
    TARGET_MISSED = "target_missed"
    NO_TARGET = "no_target"
    INSUFFICIENT_SAMPLE = "insufficient_sample"
    THROTTLED = "throttled"
    THROTTLING_EXPECTED = "throttling_expected"

    # Baseline
    REGRESSION = "regression"
    IMPROVEMENT = "improvement"
    REGRESSION_ACKNOWLEDGED = "regression_acknowledged"
    RECOVERED = "recovered"
    SUSPECTED = "suspected"
    BASELINE_TOO_SHORT = "baseline_too_short"
    NOT_COMPARABLE = "not_comparable"
    CONFIRMATION = "confirmation"

    # Reference
    REFERENCE_REGRESSION = "reference_regression"
    REFERENCE_IMPROVEMENT = "reference_improvement"
    REFERENCE_MISSING = "reference_missing"
    INCONCLUSIVE = "inconclusive"
    ROUNDS_EXCLUDED = "rounds_excluded"

    # Causes
    CAUSE_UNKNOWN = "cause_unknown"
