"""deploy/postgres/databases.sh against a real server."""

import os
import subprocess
import uuid
from pathlib import Path

import psycopg
import pytest

PROJECT = Path(__file__).resolve().parents[2]
NAMES = ("api", "airflow", "results")


@pytest.fixture
def script(postgresql: str, tmp_path: Path) -> str:
    """The script, with names of its own in place of the databases', since the server is shared by the tests."""
    text = (PROJECT / "deploy/postgres/databases.sh").read_text()
    own = uuid.uuid4().hex
    for name in NAMES:
        text = text.replace(f"make_database {name} ", f"make_database {name}_{own} ")
    (tmp_path / "databases.sh").write_text(text)
    return own


def run(postgresql: str, folder: Path) -> subprocess.CompletedProcess[str]:
    user, _, address = postgresql.partition("@")
    host, _, port = address.partition(":")
    environ = os.environ | {"POSTGRES_USER": user, "POSTGRES_DB": "postgres", "PGHOST": host, "PGPORT": port}
    environ |= {f"{name.upper()}_DB_PASSWORD": "secret" for name in NAMES}
    command = ["bash", folder / "databases.sh"]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def test_what_is_missing_is_made_and_what_is_there_left_alone(postgresql: str, script: str, tmp_path: Path) -> None:
    for _ in range(2):
        done = run(postgresql, tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    for name in NAMES:
        role = f"{name}_{script}"
        with psycopg.connect(f"postgresql://{role}@{postgresql.partition('@')[2]}/{role}") as connection:
            connection.execute("CREATE TABLE own (id int)")
            owner = connection.execute("SELECT datcollate, pg_encoding_to_char(encoding) FROM pg_database "
                                       "WHERE datname = current_database()").fetchone()  # fmt: skip
        assert owner == ("C.UTF-8", "UTF8")
