"""A real PostgreSQL, started for the tests as a cluster of its own."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

_PATIENCE_S = 60
GUARDED = "guarded"
"""The one name that the server asks for a password; a test that needs the role makes it."""


def _server_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    if initdb:
        return Path(initdb).resolve().parent
    reason = "no PostgreSQL server here (Debian: apt-get install postgresql)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _unprivileged() -> tuple[list[str], int | None]:
    """What runs a command as somebody other than root, whom the server refuses; and that user's id."""
    if os.geteuid() != 0:
        return [], None
    names = [user.pw_name for user in pwd.getpwall()]
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"], user.pw_uid


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _make_home() -> Path:
    home = Path(tempfile.mkdtemp(prefix="tests-postgresql-"))
    _, uid = _unprivileged()
    if uid is not None:
        os.chown(home, uid, -1)
    return home


def _environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(home)}


def _run(home: Path, program: str, *arguments: str) -> None:
    as_user, _ = _unprivileged()
    command = [*as_user, _server_binaries() / program, *arguments]
    subprocess.run(command, check=True, capture_output=True, cwd=home, env=_environment(home))


def _serve(data: Path, port: int) -> subprocess.Popen[bytes]:
    home, (as_user, _) = data.parent, _unprivileged()
    settings = ["fsync=off", "listen_addresses=127.0.0.1", f"unix_socket_directories={home}"]
    options = ["-p", str(port), *(part for setting in settings for part in ("-c", setting))]
    with (home / "log").open("ab") as log:
        server = subprocess.Popen(
            # The server ends with the tests, also when they are killed and clean up nothing.
            [*(as_user or ["setpriv"]), "--pdeathsig=INT", _server_binaries() / "postgres", "-D", data, *options],
            stdout=log,
            stderr=log,
            cwd=home,
            env=_environment(home),
        )
    _await(server, f"tester@127.0.0.1:{port}", home / "log")
    return server


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)  # SIGTERM would wait for every client to leave
    server.wait(_PATIENCE_S)


class Server:
    """A server with a cluster of its own."""

    def __init__(self) -> None:
        self._home, self._port = _make_home(), _free_port()
        self.address = f"tester@127.0.0.1:{self._port}"
        """As libpq and SQLAlchemy write it after `postgresql://`, without a database."""
        self._server: subprocess.Popen[bytes] | None = None
        try:
            _run(self._home, "initdb", "-D", str(self._home / "data"), "-U", "tester", "-A", "trust", "--no-sync")
            rules = self._home / "data" / "pg_hba.conf"
            rules.write_text(f"host all {GUARDED} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
            self._server = _serve(self._home / "data", self._port)
        except BaseException:
            self.remove()
            raise

    def restart(self) -> None:
        """End every connection, and serve again at the same address."""
        if self._server is not None:
            _stop(self._server)
        self._server = _serve(self._home / "data", self._port)

    def remove(self) -> None:
        """Stop it, and remove its cluster."""
        if self._server is not None:
            _stop(self._server)
        shutil.rmtree(self._home, ignore_errors=True)


@contextmanager
def running_server() -> Iterator[Server]:
    """A server for as long as the block runs."""
    server = Server()
    try:
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a server, as libpq and SQLAlchemy write it after `postgresql://`, without a database."""
    with running_server() as server:
        yield server.address


def _await(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            psycopg.connect(f"postgresql://{address}/postgres").close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL did not start:\n{log.read_text()}")
            time.sleep(0.05)
        else:
            return


def _tell(address: str, statement: str) -> object:
    with psycopg.connect(f"postgresql://{address}/postgres", autocommit=True) as connection:
        return connection.execute(statement).fetchone()[0]  # type: ignore[index]


class Standby:
    """A streaming replica of a server, with a cluster of its own."""

    def __init__(self, postgresql: str) -> None:
        self._source = postgresql
        self._home = _make_home()
        self._port = _free_port()
        self.address = f"tester@127.0.0.1:{self._port}"
        source = ["-d", f"postgresql://{postgresql}/postgres", "-c", "fast", "-R", "--no-sync"]
        _run(self._home, "pg_basebackup", "-D", str(self._home / "data"), *source)
        self.start()

    def start(self) -> None:
        self._server = _serve(self._home / "data", self._port)

    def stop(self) -> None:
        _stop(self._server)

    def tell(self, statement: str) -> object:
        """Run a statement in it; gives the one value of its result."""
        return _tell(self.address, statement)

    def has_all(self) -> bool:
        """Whether it has all that was written so far."""
        written = _tell(self._source, "SELECT pg_current_wal_insert_lsn()")
        return bool(self.tell(f"SELECT pg_last_wal_replay_lsn() >= '{written}'"))

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)


def create_database(postgresql: str) -> str:
    """Make an empty database on that server; gives its URL."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(f"postgresql://{postgresql}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql+psycopg://{postgresql}/{name}"


@pytest.fixture
def postgresql_url(postgresql: str) -> str:
    """An empty PostgreSQL database."""
    return create_database(postgresql)
