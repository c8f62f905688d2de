from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.storage.database import AppDatabase
from tests.app.service import Service, environ_for, prepare, running
from tests.postgresql import create_database


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "every_database: runs against SQLite and PostgreSQL, not SQLite alone")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what depends on the database against each database that the service supports."""
    if "kind" in metafunc.fixturenames:
        every = metafunc.definition.get_closest_marker("every_database")
        metafunc.parametrize("kind", ["sqlite", "postgresql"] if every else ["sqlite"], scope="session")


@pytest.fixture(scope="session")
def new_url(kind: str, request: pytest.FixtureRequest) -> Callable[[Path], str]:
    """Makes an empty database, in a folder if it is a file, and gives its URL."""
    if kind == "sqlite":
        return lambda folder: environ_for(folder)["APP_DATABASE_URL"]
    server: str = request.getfixturevalue("postgresql")
    return lambda folder: create_database(server)


@pytest.fixture
def url(new_url: Callable[[Path], str], tmp_path: Path) -> str:
    """The URL of an empty database."""
    return new_url(tmp_path)


@pytest.fixture(scope="session")
def service(
    processes: None, tmp_path_factory: pytest.TempPathFactory, new_url: Callable[[Path], str]
) -> Iterator[Service]:
    """A service with 5,000 sessions; tests may add to it. Its own sessions end soon, and every second one fails."""
    folder = tmp_path_factory.mktemp("service")
    settings = {"APP_SESSION_DURATION_S": "0.2", "APP_SESSION_FAILURE_EVERY": "2", "APP_REVISION": "abc123"}
    with running(prepare(folder, 5_000, new_url(folder)), folder, **settings) as found:
        yield found
        found.database.dispose()


@pytest.fixture
def database(tmp_path: Path, url: str) -> Iterator[AppDatabase]:
    """A database with 100 sessions."""
    made = prepare(tmp_path, 100, url)
    yield made
    made.dispose()


@pytest.fixture
def start(processes: None, tmp_path: Path, database: AppDatabase) -> Iterator[Callable[..., Service]]:
    """Starts a service with settings of its own on that database."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(running(database, tmp_path, **settings))
