"""A streaming replica is read while it responses, and nobody misses what they wrote themselves."""

import time
from collections.abc import Callable, Iterator

import pytest
import requests

from app.config.model import DEFAULT_CRITERIA
from app.sessions.model import NewSession
from app.sessions.queries import start_session
from app.settings import Settings, SettingsError
from tests.app.service import CRITERIA, SESSIONS, STATS, Service, prepare, running
from tests.postgresql import Standby, create_database


@pytest.fixture(scope="module")
def standby(postgresql: str) -> Iterator[Standby]:
    made = Standby(postgresql)
    yield made
    made.remove()


@pytest.fixture
def service(standby: Standby, postgresql: str, tmp_path) -> Iterator[Service]:
    """A service whose replica is `standby`; no session moves on by itself."""
    url = create_database(postgresql)
    database = prepare(tmp_path, 50, url)
    replica = url.replace(postgresql, standby.address)
    wait_until(standby.has_all)
    settings = {"APP_REPLICA_URL": replica, "APP_SESSION_DURATION_S": "1000", "APP_DASHBOARD_TTL_S": "0.001"}
    with running(database, tmp_path, **settings) as found:
        yield found
        standby.tell("SELECT pg_wal_replay_resume()")
        found.database.dispose()


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def total(service: Service) -> int:
    response = service.get(SESSIONS)
    assert response.status_code == 200, response.text
    return response.json()["total"]


def state(service: Service) -> tuple[str, float]:
    """What readyz and the metrics say of the replica."""
    ready = requests.get(service.url + "/readyz", timeout=10)
    assert ready.status_code == 200
    metrics = requests.get(service.url + "/metrics", timeout=10).text
    (line,) = [line for line in metrics.splitlines() if line.startswith("database_replica_up{")]
    return ready.json()["parts"]["replica"], float(line.split()[1])


def test_the_replica_is_read_unless_it_lacks_what_was_written_here(service: Service, standby: Standby):
    standby.tell("SELECT pg_wal_replay_pause()")
    start_session(service.database, NewSession(model="bert-base", technique="pruning"))  # by another process
    assert total(service) == 50
    assert service.get(STATS).json()["total_sessions"] == 50
    started = service.start_session().json()
    assert service.get(f"{SESSIONS}/{started['id']}").status_code == 200
    assert total(service) == 52
    assert service.get(STATS).json()["total_sessions"] == 52
    standby.tell("SELECT pg_wal_replay_resume()")
    start_session(service.database, NewSession(model="bert-base", technique="pruning"))
    wait_until(lambda: total(service) == 53)


def test_a_configuration_that_was_put_is_never_a_stale_one(service: Service, standby: Standby):
    standby.tell("SELECT pg_wal_replay_pause()")
    criteria = DEFAULT_CRITERIA.model_dump(mode="json") | {"time_limit_s": 77}
    assert service.call("PUT", CRITERIA, json=criteria).status_code == 200
    assert service.get(CRITERIA).json()["time_limit_s"] == 77
    assert service.get(f"{CRITERIA}/history").json()["total"] == 1


def test_without_the_replica_the_primary_is_read(service: Service, standby: Standby):
    assert total(service) == 50
    assert state(service) == ("ok", 1)
    standby.stop()
    assert total(service) == 50
    assert service.get(STATS).status_code == 200
    assert state(service) == ("unreachable: the primary is read", 0)
    standby.start()
    wait_until(lambda: total(service) and state(service) == ("ok", 1))


@pytest.mark.parametrize(
    ("database", "replica"),
    [
        ("sqlite:///var/app.db", "postgresql://host/app"),
        ("postgresql://host/app", "sqlite:///var/app.db"),
        ("postgresql://host/app", "nonsense"),
    ],
)
def test_only_postgresql_has_replicas(database: str, replica: str):
    with pytest.raises(SettingsError, match=r"APP_REPLICA_URL=.*must name a replica of the PostgreSQL database"):
        Settings.from_environ({"APP_DATABASE_URL": database, "APP_REPLICA_URL": replica})
