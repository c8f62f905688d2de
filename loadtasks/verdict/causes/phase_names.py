"""The names of Server-Timing phases whose meaning is known, and the cause that each step of a request stands for."""

from collections.abc import Mapping

from loadtasks.results.findings.causes.slowness import RequestStep
from loadtasks.results.findings.codes import FindingCode
from loadtasks.verdict.causes.attribution import BODY, FIRST_BYTE, OUTSIDE, UNNAMED, WAITING

DATABASE = frozenset({"db", "database", "sql", "query"})
POOL = frozenset({"pool", "db_pool", "dbpool", "pool_wait"})
CACHE = frozenset({"cache", "redis", "memcached"})
SERIALISATION = frozenset({"serialise", "serialize", "json", "render", "view", "template"})
WAITS = DATABASE | POOL | CACHE
"""Phases in which the target's own code does nothing."""
_OF_PHASES: tuple[tuple[frozenset[str], FindingCode], ...] = (
    (DATABASE, FindingCode.DATABASE_SLOW),
    (POOL, FindingCode.DATABASE_POOL_EXHAUSTED),
    (CACHE, FindingCode.CACHE_SLOW),
    (SERIALISATION, FindingCode.SERIALISATION_SLOW),
)
_OF_STEPS: Mapping[str, FindingCode] = {
    UNNAMED: FindingCode.TARGET_CODE_SLOW,
    OUTSIDE: FindingCode.QUEUE_BEFORE_TARGET,
    FIRST_BYTE: FindingCode.FIRST_BYTE_SLOW,
    BODY: FindingCode.TRANSFER_SLOW,
    WAITING: FindingCode.CONNECTIONS_BUSY,
}


def code_of(step: RequestStep) -> FindingCode:
    """The cause that a slow step stands for when nothing else is known."""
    if step.phase:
        codes = (code for names, code in _OF_PHASES if step.phase.lower() in names)
        return next(codes, FindingCode.PHASE_SLOW)
    return _OF_STEPS[step.name]
