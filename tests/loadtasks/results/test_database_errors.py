"""Errors of the results database: each kind has advice that fits it."""

import sqlite3
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from loadtasks.errors import BadInputError
from loadtasks.results import database, database_errors
from loadtasks.results.store import Store
from tests.measurements import run


def sentence_of(orig: Exception, url: str) -> str:
    return database_errors.sentence(OperationalError("SELECT 1", {}, orig), make_url(url), "the database")


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ('password authentication failed for user "u"', "right user and password"),
        ("fe_sendauth: no password supplied", "right user and password"),
        ('FATAL:  database "x" does not exist', "create that database"),
        ("FATAL:  sorry, too many clients already", "no connection left"),
        ("FATAL:  remaining connection slots are reserved for roles", "no connection left"),
        ("cannot execute INSERT in a read-only transaction", "name the primary one"),
        ("could not extend file: No space left on device", "server's disk is full"),
        ("permission denied for schema public", "grant its user"),
        ("FATAL:  the database system is starting up", "starting or stopping"),
        ("Connection refused", "see that the server runs"),
        ("server closed the connection unexpectedly", "see that the server runs"),
        ("could not translate host name", "see that the server runs"),
        ("canceling statement due to lock timeout", "held a lock"),
        ('relation "runs" does not exist', "not as this version left them"),
        ("something else", "see that the server runs"),
    ],
)
def test_postgresql(message: str, advice: str) -> None:
    sentence = sentence_of(psycopg.OperationalError(f"{message}\nmore lines"), "postgresql+psycopg://u:s3cret@h/x")
    assert advice in sentence
    assert "\n" not in sentence


def test_postgresql_by_its_code_whatever_its_language() -> None:
    error = psycopg.errors.ReadOnlySqlTransaction("INSERT kann nicht ausgef\u00fchrt werden")
    assert "name the primary one" in sentence_of(error, "postgresql+psycopg://u:s3cret@h/x")


def test_no_password_is_shown() -> None:
    error = psycopg.OperationalError('missing "=" after "s3cret" in connection info string')
    assert "s3cret" not in sentence_of(error, "postgresql+psycopg://u:s3cret@h/x")


@pytest.mark.parametrize(
    ("message", "passes"),
    [
        ("Connection refused", True),
        ("sorry, too many clients already", True),
        ("password authentication failed", False),
    ],
)
def test_what_may_pass_by_itself(message: str, passes: bool) -> None:
    error = OperationalError("SELECT 1", {}, psycopg.OperationalError(message))
    assert database_errors.may_pass(error) is passes


def test_a_server_that_comes_back_is_waited_for_once_it_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def connect() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("SELECT 1", {}, psycopg.OperationalError("Connection refused"))
        return "connected"

    monkeypatch.setattr(database, "_RETRY_EVERY_S", 0)
    assert database._retried(connect, database_errors.may_pass, "x") == "connected"
    tries.clear()
    with pytest.raises(OperationalError):
        database._retried(connect, lambda error: False, "x")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.db"


def refused(path: Path) -> str:
    with pytest.raises(BadInputError) as caught, Store.open(f"sqlite:///{path}") as store:
        store.open_run(run())
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}: the results database can't be used (")
    return sentence


def test_a_locked_database_is_not_to_be_made_writable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WAIT_S", 0.1)
    monkeypatch.setattr(database, "_BUSY_TIMEOUT_S", 0.05)
    Store.open(f"sqlite:///{path}").close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    sentence = refused(path)
    other.close()
    assert "another process" in sentence
    assert f"fuser {path}" in sentence
    assert "writable" not in sentence


def test_one_that_is_opened_exclusively_is_locked_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WAIT_S", 0.1)
    monkeypatch.setattr(database, "_BUSY_TIMEOUT_S", 0.05)
    Store.open(f"sqlite:///{path}").close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    assert "another process" in refused(path)
    other.close()


def test_a_folder_in_its_place_is_named(path: Path) -> None:
    path.mkdir()
    assert "it is a folder: move it away" in refused(path)


def test_a_truncated_one_is_damaged(path: Path) -> None:
    with Store.open(f"sqlite:///{path}") as store:
        store.open_run(run())
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3])
    assert "the file is damaged" in refused(path)


def test_one_that_lacks_tables_is_not_as_it_was_left(path: Path) -> None:
    Store.open(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE runs")
    assert "not as this version left it" in refused(path)
