from contextlib import suppress
from datetime import UTC, datetime

import pytest
from sqlalchemy import make_url, select, text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.storage.database import AppDatabase
from app.storage.models import Document
from app.storage.schema_version import SchemaError
from tests.app.service import environ_for, launch, run_app
from tests.postgresql import GUARDED

pytestmark = pytest.mark.every_database


def sentence_of(url: str) -> str:
    with pytest.raises(SchemaError) as refused:
        AppDatabase(url).check_schema()
    sentence = str(refused.value)
    assert len(sentence.splitlines()) == 1
    assert sentence.endswith(".")
    return sentence


def test_troubles_with_postgresql_are_one_sentence_without_the_password(postgresql_url):
    url = make_url(postgresql_url).set(password="secret")
    plain = url.render_as_string(hide_password=False)
    assert "run python -m app migrate" in sentence_of(plain)
    assert "does not exist" in sentence_of(plain.replace(str(url.database), "nowhere"))
    assert 'role "nobody" does not exist' in sentence_of(plain.replace("tester:", "nobody:"))
    assert "refused" in sentence_of(plain.replace(f":{url.port}/", ":1/"))
    assert "secret" not in sentence_of(plain.replace(f":{url.port}/", ":1/"))


def test_a_wrong_password_is_one_sentence(postgresql_url):
    url = make_url(postgresql_url).set(username=GUARDED, password="wrong")
    assert "password authentication failed" in sentence_of(url.render_as_string(hide_password=False))


def test_a_file_that_is_no_database_is_one_sentence(tmp_path):
    (tmp_path / "app.db").write_text("This is a text, and no database, long enough to be taken for one." * 20)
    assert "file is not a database" in sentence_of(f"sqlite:///{tmp_path}/app.db")
    assert "can't be created" in sentence_of(f"sqlite:///{tmp_path}/app.db/deeper/app.db")


@pytest.mark.parametrize("command", ["migrate", "seed"])
def test_commands_report_an_unreachable_database(tmp_path, command: str):
    done = run_app(environ_for(tmp_path, APP_DATABASE_URL="postgresql://me@127.0.0.1:1/app"), command)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: postgresql+psycopg://me@127.0.0.1:1/app can't be used (")
    assert len(done.stderr.splitlines()) == 1


def test_the_server_reports_an_unreachable_database(tmp_path):
    log = tmp_path / "log"
    process = launch(environ_for(tmp_path, APP_DATABASE_URL="postgresql://me@127.0.0.1:1/app"), log)
    assert process.wait(20) == 1
    assert "can't be used (" in log.read_text()
    assert "Traceback" not in log.read_text()


def test_an_upsert_replaces_and_a_failed_transaction_leaves_nothing(database):
    for body, fails in (("1", False), ("2", False), ("3", True)):
        new = {"body": body, "updated_at": datetime.now(UTC)}
        statement = database.insert(Document).values(name="x", **new)
        with suppress(KeyError), database.write(durable=True) as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=[Document.name], set_=new))
            if fails:
                raise KeyError
    with database.read() as connection:
        assert connection.scalars(select(Document.body)).all() == ["2"]


def test_readers_are_not_held_up_by_a_writer(database):
    with database.write() as writing:
        writing.execute(text("DELETE FROM sessions"))
        with database.read() as reading:
            assert reading.execute(text("SELECT count(*) FROM sessions")).scalar_one() == 100


def test_the_pool_has_the_size_that_is_set_and_no_more(postgresql_url):
    database = AppDatabase(postgresql_url, connections=1, max_connections=2)
    database._engine.pool._timeout = 0  # type: ignore[attr-defined]
    with database.read(), database.read(), pytest.raises(PoolTimeoutError), database.read():
        pass
    assert database._engine.pool.checkedin() == 1  # type: ignore[attr-defined]
    database.dispose()


def test_a_connection_that_the_server_closed_is_replaced(postgresql_url):
    database = AppDatabase(postgresql_url, connections=1, max_connections=2)
    with database.read() as connection:
        lost = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    other = AppDatabase(postgresql_url)
    with other.read() as connection:
        connection.execute(text(f"SELECT pg_terminate_backend({lost}, 5000)"))
    with database.read() as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() != lost
    database.dispose()
    other.dispose()
