from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.database import Database
from tests.app.service import Service, prepare, running


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with 20,000 sessions; tests may add to it. Its own sessions end soon, and every second one fails."""
    folder = tmp_path_factory.mktemp("service")
    settings = {"APP_SESSION_DURATION_S": "0.2", "APP_SESSION_FAILURE_EVERY": "2", "APP_REVISION": "abc123"}
    with running(prepare(folder, 20_000), folder, **settings) as found:
        yield found


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A database with 100 sessions in the test's folder."""
    return prepare(tmp_path, 100)


@pytest.fixture
def start(tmp_path: Path, database: Database) -> Iterator[Callable[..., Service]]:
    """Starts a service with settings of its own on that database."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(running(database, tmp_path, **settings))
