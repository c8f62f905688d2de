import pytest
from click.testing import CliRunner, Result

from app.__main__ import main
from app.auth import Tokens
from app.database import Database
from tests.app.service import environ_for, launch, run_app


@pytest.fixture
def run(tmp_path, url):
    """Runs a command of the service on a database of its own."""

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, env=environ_for(tmp_path, APP_DATABASE_URL=url))

    return command


def test_from_nothing_to_a_token(run, url):
    too_early = run("seed")
    assert too_early.exit_code == 1
    assert "run python -m app migrate" in too_early.stderr

    assert run("migrate").exit_code == 0
    assert run("migrate").exit_code == 0
    assert run("seed", "--sessions", "10").stderr == "10 sessions made.\n"
    assert run("seed", "--sessions", "10").stderr == "Nothing to do: the database has data.\n"

    token = run("token", "me", "--scope", "read", "--ttl-days", "1").stdout.removesuffix("\n")
    tokens = Tokens(Database(url))
    assert tokens.check(token).scopes == {"read"}
    assert tokens.check(run("token", "you").stdout.strip()).scopes == {"read", "write"}
    assert run("revoke", "me").exit_code == 0
    assert run("revoke", "me").exit_code == 1


def test_a_token_from_the_environment(run, url, monkeypatch):
    run("migrate")
    monkeypatch.setenv("GIVEN", "g" * 32)
    taken = run("token", "me", "--scope", "read", "--from-env", "GIVEN")
    assert (taken.exit_code, taken.stdout) == (0, "")
    assert "ggg" not in taken.stderr
    assert Tokens(Database(url)).check("g" * 32).scopes == {"read"}
    for short in ("g" * 31, ""):
        monkeypatch.setenv("GIVEN", short)
        refused = run("token", "me", "--from-env", "GIVEN")
        assert (refused.exit_code, refused.stderr) == (1, "Error: GIVEN: must have at least 32 characters.\n")
    assert Tokens(Database(url)).check("g" * 32)


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
