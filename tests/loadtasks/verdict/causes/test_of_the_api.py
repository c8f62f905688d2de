"""What the shipped API does, exercised by the engine, and what the diagnosis makes of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from loadtasks.engine.net.metrics_reader import compare_metrics, read_metrics
from loadtasks.engine.net.target import Target
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.finding import Finding
from loadtasks.scenarios.load import ClosedLoad
from loadtasks.scenarios.model import HttpScenario, Request
from tests.app.service import CRITERIA, SESSIONS, STATS, Service, prepare, running
from tests.loadtasks.verdict.causes.cases import causes
from tests.postgresql import create_database
from tests.servers import answering, ok, scripted

QUERY = "150ms"
"""So long that what the machine does besides makes no difference."""


@dataclass
class Pair:
    """The API as it was approved, and as it is now."""

    before: Service
    now: Service

    def causes(self, path: str, wrong: str = "p50_s", workers: int = 4, requests: int = 32) -> list[Finding]:
        """What is told of a path when this metric is wrong."""
        baseline, tonight = (
            measured(Target(each.url, each.token), path, workers, requests) for each in (self.before, self.now)
        )
        return causes(tonight, baseline, wrong=(wrong,))


def measured(target: Target, path: str, workers: int = 4, requests: int = 32) -> Measurement:
    """A small closed load, with the target's own metrics before and after as a run keeps them."""
    load = ClosedLoad(workers=workers, requests=requests)
    scenario = HttpScenario(name="api.test", endpoint="api", requests=(Request(path=path),), load=load)
    before = read_metrics(target)
    (measurement,) = run_scenario(scenario, target)
    told = compare_metrics(target, before, read_metrics(target))
    return measurement.model_copy(update={"target_metrics": told})


@contextmanager
def pair(folder: Path, url: str, before: dict[str, str], now: dict[str, str]) -> Iterator[Pair]:
    """Both on one database, with these settings."""
    folders = [folder / "before", folder / "now"]
    for each in folders:
        each.mkdir()
    database = prepare(folder, 100, url)
    with running(database, folders[0], **before) as one, running(database, folders[1], **now) as other:
        yield Pair(one, other)
    database.dispose()


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Slower queries of sessions, a cache switched off before the dashboard's, and a limit before the configuration."""
    dashboard = f"dashboard:query={QUERY}"
    faults = {"APP_FAULTS": f"{dashboard};sessions:query={QUERY};config:fail=429@0.6", "APP_CACHE": "off"}
    with pair(tmp_path_factory.mktemp("spoilt"), "", {"APP_FAULTS": dashboard}, faults) as made:
        yield made


def test_a_slowed_query_is_blamed_on_the_database(spoilt: Pair) -> None:
    (told,) = spoilt.causes(SESSIONS)
    assert told.sentence.startswith("the database: the target's phase db carries ")
    assert "of the growth" in told.sentence
    assert "slow statements" in told.next_step
    assert told.sure


def test_a_cache_switched_off_is_blamed_on_the_cache(spoilt: Pair) -> None:
    (told,) = spoilt.causes(STATS)
    assert told.sentence.startswith("the cache: it gave 0 % of the answers, 100 % in the baseline")
    assert "APP_CACHE" in told.next_step
    assert told.sure


def test_a_storm_of_429_is_called_throttling_and_not_slowness(spoilt: Pair) -> None:
    (told,) = spoilt.causes(CRITERIA, wrong="success_rate", requests=50)
    assert told.sentence.startswith("throttling, not slowness: 30 of 50 requests (60.0 %) got 429 Too Many Requests")


def test_429_with_retry_after_is_throttling_too() -> None:
    limited = ok(b"", "Retry-After: 1", status="429 Too Many Requests")
    with scripted(answering(limited)) as server:
        now = measured(Target(server.url), "/thing")
    (told,) = causes(now, wrong=("throttled",))
    assert told.sentence.startswith("throttling, not slowness: 32 of 32 requests were throttled (429 with Retry-After)")


def test_what_every_request_computes_is_blamed_on_the_targets_own_code(tmp_path: Path) -> None:
    with pair(tmp_path, "", {}, {"APP_FAULTS": "sessions:cpu=50ms"}) as made:
        (told,) = made.causes(SESSIONS, workers=1)
    assert told.sentence.startswith("the target's own code, outside of the phases that it names: it carries ")
    assert told.sure


def test_a_halved_pool_is_blamed_on_waiting_for_a_connection(tmp_path: Path, postgresql: str) -> None:
    def settings(connections: str) -> dict[str, str]:
        return {
            "APP_FAULTS": f"sessions:query={QUERY}",
            "APP_DATABASE_CONNECTIONS": connections,
            "APP_DATABASE_CONNECTIONS_MAX": connections,
        }

    with pair(tmp_path, create_database(postgresql), settings("4"), settings("2")) as halved:
        (told,) = halved.causes(SESSIONS, workers=8, requests=32)
    assert told.sentence.startswith("waiting for a database connection: the target's phase pool carries ")
    assert told.sentence.endswith("the target may have 2 of them, 4 in the baseline")
    assert "APP_DATABASE_CONNECTIONS_MAX" in told.next_step
    assert told.sure
