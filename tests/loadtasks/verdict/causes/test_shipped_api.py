"""The diagnosis of the shipped API's faults, exercised by the engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from loadtasks.engine.http.metrics_reader import compare_metrics, read_metrics
from loadtasks.engine.net.target import Target
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.measurement.model import Measurement
from loadtasks.redaction.redactor import Redactor
from loadtasks.results.findings.causes.failures import RateLimited, WithoutRetryAfter
from loadtasks.results.findings.causes.slowness import CacheHits, DatabasePool, SlowStep
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.scenarios.load import ClosedLoad
from loadtasks.scenarios.model import HttpScenario, Request
from tests.app.service import CRITERIA, SESSIONS, STATS, Service, prepare, running
from tests.loadtasks.verdict.causes.cases import causes, likely, parameters
from tests.postgresql import create_database
from tests.servers import answering, ok, scripted

QUERY = "150ms"
"""Long enough that other work of the machine makes no difference."""


@dataclass
class Pair:
    """The API as it was approved, and as it is now."""

    before: Service
    now: Service

    def causes(self, path: str, wrong: str = "p50_s", workers: int = 4, requests: int = 32) -> list[Finding]:
        """The causes for a path when this metric is wrong."""
        baseline, candidate = (
            measured(Target(service.url, service.token), path, workers, requests) for service in (self.before, self.now)
        )
        return causes(candidate, baseline, wrong=(wrong,))


def measured(target: Target, path: str, workers: int = 4, requests: int = 32) -> Measurement:
    """A small closed load, with the target's own metrics before and after as a run keeps them."""
    load = ClosedLoad(workers=workers, requests=requests)
    scenario = HttpScenario(name="api.test", endpoint="api", requests=(Request(path=path),), load=load)
    before = read_metrics(target)
    (measurement,) = run_scenario(scenario, target)
    metrics = compare_metrics(target, before, read_metrics(target), Redactor())
    return measurement.model_copy(update={"target_metrics": metrics})


@contextmanager
def pair(folder: Path, url: str, before: dict[str, str], now: dict[str, str]) -> Iterator[Pair]:
    """Both on one database, with these settings."""
    folders = [folder / "before", folder / "now"]
    for settings_folder in folders:
        settings_folder.mkdir()
    database = prepare(folder, 100, url)
    with running(database, folders[0], **before) as one, running(database, folders[1], **now) as other:
        yield Pair(one, other)
    database.dispose()


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Slower queries of sessions, a cache switched off before the dashboard's, and a limit before the configuration."""
    dashboard = f"dashboard:query={QUERY}"
    faults = {"APP_FAULTS": f"{dashboard};sessions:query={QUERY};config:fail=429@0.6", "APP_CACHE": "off"}
    with pair(tmp_path_factory.mktemp("faulty"), "", {"APP_FAULTS": dashboard}, faults) as made:
        yield made


def test_a_slowed_query_is_blamed_on_the_database(faulty: Pair) -> None:
    (cause,) = faulty.causes(SESSIONS)
    assert cause.code is FindingCode.DATABASE_SLOW
    step = parameters(cause, SlowStep).step
    assert step.phase == "db"
    assert step.before_s is not None
    assert likely(cause)


def test_a_cache_switched_off_is_blamed_on_the_cache(faulty: Pair) -> None:
    (cause,) = faulty.causes(STATS)
    assert cause.code is FindingCode.CACHE_HITS_FELL
    hits = parameters(cause, CacheHits)
    assert (hits.hit_ratio, hits.hit_ratio_before) == (0, 1)
    assert likely(cause)


def test_a_storm_of_429_is_throttling_and_not_slowness(faulty: Pair) -> None:
    (cause,) = faulty.causes(CRITERIA, wrong="success_rate", requests=50)
    assert cause.code is FindingCode.RATE_LIMIT_WITHOUT_RETRY_AFTER
    limited = parameters(cause, WithoutRetryAfter)
    assert (limited.count, limited.scheduled) == (30, 50)


def test_429_with_retry_after_is_throttling_too() -> None:
    limited = ok(b"", "Retry-After: 1", status="429 Too Many Requests")
    with scripted(answering(limited)) as server:
        now = measured(Target(server.url), "/thing")
    (cause,) = causes(now, wrong=("throttled",))
    assert cause.code is FindingCode.RATE_LIMITED
    assert cause.parameters == RateLimited(throttled=32, scheduled=32, statuses=(429,))


def test_what_every_request_computes_is_blamed_on_the_targets_own_code(tmp_path: Path) -> None:
    with pair(tmp_path, "", {}, {"APP_FAULTS": "sessions:cpu=50ms"}) as made:
        (cause,) = made.causes(SESSIONS, workers=1)
    assert cause.code is FindingCode.TARGET_CODE_SLOW
    assert likely(cause)


def test_a_halved_pool_is_blamed_on_waiting_for_a_connection(tmp_path: Path, postgresql: str) -> None:
    def settings(connections: str) -> dict[str, str]:
        return {
            "APP_FAULTS": f"sessions:query={QUERY}",
            "APP_DATABASE_CONNECTIONS": connections,
            "APP_DATABASE_CONNECTIONS_MAX": connections,
        }

    with pair(tmp_path, create_database(postgresql), settings("4"), settings("2")) as halved:
        (cause,) = halved.causes(SESSIONS, workers=8, requests=32)
    assert cause.code is FindingCode.DATABASE_POOL_EXHAUSTED
    pool = parameters(cause, DatabasePool)
    assert (pool.size, pool.size_before) == (2, 4)
    assert likely(cause)
