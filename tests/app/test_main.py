import math
import time

import pytest
from click.testing import CliRunner, Result

from app.__main__ import main
from app.security.revocations import Revocations
from app.security.tokens import TokenVerifier
from app.storage.database import AppDatabase
from tests.app.service import SECRET_KEY, environ_for, launch, run_app

pytestmark = pytest.mark.every_database


@pytest.fixture
def run(tmp_path, url):
    """Runs a command of the service on a database of its own."""

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, env=environ_for(tmp_path, APP_DATABASE_URL=url))

    return command


def test_commands_from_an_empty_database_to_a_token(run, url):
    too_early = run("seed")
    assert too_early.exit_code == 1
    assert "run python -m app migrate" in too_early.stderr

    assert run("migrate").exit_code == 0
    assert run("migrate").exit_code == 0
    assert run("seed", "--sessions", "10").stderr == "10 sessions inserted.\n"
    assert run("seed", "--sessions", "10").stderr == "Nothing to do: the database has data.\n"

    token = run("token", "me", "--scope", "read", "--ttl-days", "1").stdout.removesuffix("\n")
    theirs = run("token", "you").stdout.strip()
    tokens = TokenVerifier((SECRET_KEY,), Revocations(AppDatabase(url)))
    assert tokens.verify(token).scopes == {"read"}
    assert time.time() < tokens.verify(token).expires_at < time.time() + 86_500
    assert tokens.verify(theirs).scopes == {"read", "write"}
    assert tokens.verify(theirs).expires_at == math.inf
    assert run("revoke", "me").stderr == "The tokens of me are revoked.\n"
    again = TokenVerifier((SECRET_KEY,), Revocations(AppDatabase(url)))
    assert again.verify(token) is None
    assert again.verify(theirs)


@pytest.mark.parametrize("command", ["token", "revoke"])
def test_a_name_that_nobody_has(run, command: str):
    refused = run(command, "x" * 65)
    assert refused.exit_code == 2
    assert "a name has 1 to 64 printable characters." in refused.stderr


def test_a_bad_setting_is_one_sentence(tmp_path):
    refused = run_app(environ_for(tmp_path, APP_PORT="http"), "migrate")
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: APP_PORT=http: ")
    assert len(refused.stderr.splitlines()) == 1


def test_the_server_does_not_start_without_a_schema(tmp_path, url):
    process = launch(environ_for(tmp_path, APP_DATABASE_URL=url), tmp_path / "log")
    assert process.wait(20) == 1
    assert "run python -m app migrate" in (tmp_path / "log").read_text()
    assert "Traceback" not in (tmp_path / "log").read_text()
