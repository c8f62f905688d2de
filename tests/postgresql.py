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


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a server, as libpq and SQLAlchemy write it after `postgresql://`, without a database."""
    binaries, (as_user, uid) = _server_binaries(), _unprivileged()
    home = Path(tempfile.mkdtemp(prefix="tests-postgresql-"))
    if uid is not None:
        os.chown(home, uid, -1)
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(home)}
    data = home / "data"
    server = None
    try:
        subprocess.run(
            [*as_user, binaries / "initdb", "-D", data, "-U", "tester", "-A", "trust", "--no-sync"],
            check=True,
            capture_output=True,
            cwd=home,
            env=environment,
        )
        rules = data / "pg_hba.conf"
        rules.write_text(f"host all {GUARDED} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        port = _free_port()
        settings = [
            "-p",
            str(port),
            "-c",
            "fsync=off",
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            f"unix_socket_directories={home}",
        ]
        with (home / "log").open("wb") as log:
            server = subprocess.Popen(
                # The server ends with the tests, also when they are killed and clean up nothing.
                [*(as_user or ["setpriv"]), "--pdeathsig=INT", binaries / "postgres", "-D", data, *settings],
                stdout=log,
                stderr=log,
                cwd=home,
                env=environment,
            )
        address = f"tester@127.0.0.1:{port}"
        _await(server, address, home / "log")
        yield address
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)  # SIGTERM would wait for every client to leave
            server.wait(_PATIENCE_S)
        shutil.rmtree(home, ignore_errors=True)


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
