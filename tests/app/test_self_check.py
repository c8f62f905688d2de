import socket

import pytest
from click.testing import CliRunner

from app.__main__ import main
from tests.app.service import environ_for

KEY = "k" * 32


def check(folder, **settings: str) -> tuple[int, dict[str, str]]:
    """Runs the command: its exit code, and each part's line after the state that is its key."""
    environ = environ_for(folder, **{"APP_ALLOW_LOAD_TEST": "", "APP_SECRET_KEY": ""} | settings)
    done = CliRunner().invoke(main, ["check"], env=environ)
    lines = done.stdout.splitlines()
    return done.exit_code, {line[9:].partition(":")[0]: line for line in lines}


def test_all_is_well(tmp_path, database, redis_server):
    code, lines = check(tmp_path, APP_REDIS_URL=redis_server.url, APP_WORKERS="2")
    assert code == 0
    assert list(lines.values()) == [
        f"ok       {part}" for part in ("settings", "database", "Redis", "secret key", "port")
    ]


def test_an_invalid_setting_is_reported_and_nothing_else_checked(tmp_path):
    code, lines = check(tmp_path, APP_WORKERS="2")
    assert code == 1
    assert list(lines) == ["settings"]
    assert "needs APP_REDIS_URL" in lines["settings"]


def test_every_fault_is_one_sentence_that_says_what_to_do(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, lines = check(tmp_path, APP_PORT=port, APP_REDIS_URL="redis://:secret@127.0.0.1:1/0")
    assert code == 1
    assert lines["database"].startswith("fault    database: ")
    assert "run python -m app migrate" in lines["database"]
    assert "secret" not in lines["Redis"]
    assert "check that it runs and that APP_REDIS_URL is right" in lines["Redis"]
    assert f"127.0.0.1:{port} can't be listened on" in lines["port"]
    assert lines["settings"].startswith("ok")


def test_databases_and_their_key(tmp_path, database, postgresql_url):
    code, lines = check(tmp_path, APP_DATABASE_URL=postgresql_url, APP_REPLICA_URL=postgresql_url)
    assert code == 1
    for part in ("database", "replica"):
        assert "run python -m app migrate" in lines[part]
    assert lines["secret key"].startswith("fault    secret key: APP_SECRET_KEY isn't set")
    _, lines = check(tmp_path, APP_DATABASE_URL=postgresql_url, APP_SECRET_KEY=KEY)
    assert lines["secret key"] == "ok       secret key"


@pytest.mark.parametrize(
    ("setting", "value", "part"),
    [
        ("APP_ALLOW_LOAD_TEST", "1", "rate limits"),
        ("APP_FAULTS", "dashboard:slow=1s", "faults"),
        ("APP_CACHE", "off", "cache"),
        ("APP_HOST", "0.0.0.0", "TLS"),
    ],
)
def test_warnings_do_not_fail_the_check(tmp_path, database, setting: str, value: str, part: str):
    code, lines = check(tmp_path, **{setting: value})
    assert code == 0
    assert lines[part].startswith(f"warning  {part}: ")
