"""What the steps of a request mean, and what to do about each."""

from collections.abc import Mapping
from typing import NamedTuple

from loadtasks.verdict.causes.attribution import BODY, FIRST_BYTE, OUTSIDE, UNNAMED, WAITING


class Meaning(NamedTuple):
    """Of one step."""

    cause: str
    next_step: str


DATABASE = frozenset({"db", "database", "sql", "query"})
POOL = frozenset({"pool", "db_pool", "dbpool", "pool_wait"})
CACHE = frozenset({"cache", "redis", "memcached"})
SERIALISING = frozenset({"serialise", "serialize", "json", "render", "view", "template"})

_OF_DATABASE = Meaning(
    "the database",
    "look for this endpoint's slow statements (PostgreSQL: pg_stat_statements, EXPLAIN ANALYZE) and for what changed: "
    "a query, an index, the size of a table, locks",
)
_OF_POOL = Meaning(
    "waiting for a database connection",
    "allow more connections (of the shipped API: APP_DATABASE_CONNECTIONS_MAX) if the database can take them, or hold "
    "each for a shorter time",
)
_OF_CACHE = Meaning(
    "the cache itself", "measure how long the cache's server takes to answer, and the way to it; look at its load"
)
_OF_SERIALISING = Meaning(
    "writing the answer",
    "compare the size of the answers with before, and profile how they are written",
)
OF_STEP: Mapping[str, Meaning] = {
    UNNAMED: Meaning(
        "the target's own code, outside of the phases that it names",
        "profile the target under this load: CPU, locks, calls to other services; or let it name more phases",
    ),
    OUTSIDE: Meaning(
        "time before the target begins to work, or on the way to it",
        "see whether requests queue for a free worker (of the shipped API: APP_THREADS; more instances), and how "
        "busy the target's CPU and the proxy before it are",
    ),
    FIRST_BYTE: Meaning(
        "time between the request and the first byte of its answer",
        "let the target send a Server-Timing header: it tells which phase takes the time",
    ),
    BODY: Meaning(
        "the transfer of the answer's body",
        "compare the size of the answers with before, see that they are compressed, and measure the network",
    ),
    WAITING: Meaning(
        "too few connections for this load",
        "find out why the target holds each connection for so long; only if it doesn't, raise max_connections of the "
        "scenario",
    ),
}


def of_phase(name: str) -> Meaning:
    """Of one of the target's own phases."""
    for names, meaning in (
        (DATABASE, _OF_DATABASE),
        (POOL, _OF_POOL),
        (CACHE, _OF_CACHE),
        (SERIALISING, _OF_SERIALISING),
    ):
        if name.lower() in names:
            return meaning
    return Meaning(f"the target's phase {name}", f"profile what the target does in its phase {name}")
