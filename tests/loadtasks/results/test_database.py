import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text

from loadtasks.errors import BadInputError
from loadtasks.results import database
from loadtasks.results.database import upgrade
from loadtasks.results.schema import HEAD, VERSION_TABLE, ResultsBase
from loadtasks.results.store import Store
from tests.measurements import failure, measurement, run

_PROJECT = Path(__file__).parents[3]


def test_the_migrations_make_the_tables_that_the_code_expects(url: str, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with create_engine(url).begin() as connection:
        upgrade(connection, "results")
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, ResultsBase.metadata) == []
        migrated = structure(connection)
        for table in reversed(inspect(connection).get_table_names()):
            cascade = " CASCADE" if connection.dialect.name == "postgresql" else ""
            connection.exec_driver_sql(f"DROP TABLE {table}{cascade}")
    Store.open(url).close()
    with create_engine(url).connect() as connection:
        assert structure(connection) == migrated


def structure(connection: Connection) -> dict[str, Any]:
    """What there is in a database, whatever the order in which it was made."""
    seen, found = inspect(connection), {}
    for table in seen.get_table_names():
        columns = {
            column["name"]: (str(column["type"]), column["nullable"], bool(column.get("autoincrement") is True))
            for column in seen.get_columns(table)
        }
        keys = sorted(
            (key["constrained_columns"], key["referred_table"], key["options"]) for key in seen.get_foreign_keys(table)
        )
        indexes = sorted(
            (index["name"] or "", index["column_names"], index["unique"]) for index in seen.get_indexes(table)
        )
        unique = sorted(sorted(constraint["column_names"]) for constraint in seen.get_unique_constraints(table))
        found[table] = [columns, keys, indexes, unique, seen.get_pk_constraint(table)["constrained_columns"]]
    return found


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(_PROJECT / "loadtasks" / "results" / "migrations"))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_an_up_to_date_database_opens_without_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'results.db'}"
    Store.open(url).close()
    code = (
        "import sys; from loadtasks.results.store import Store; Store.open(sys.argv[1]).close(); "
        "print([name for name in ('alembic', 'great_expectations', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, url], cwd=_PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_many_processes_may_open_a_new_database_at_once(url: str) -> None:
    code = (
        "import sys; from loadtasks.results.store import Store; import alembic.command; sys.stdin.readline(); "
        "Store.open(sys.argv[1]).close()"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, url], cwd=_PROJECT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, problems = process.communicate(timeout=120)
        assert process.returncode == 0, problems
    with create_engine(url).connect() as connection:
        assert connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).all() == [(HEAD,)]


def test_many_writers_wait_for_each_other(url: str) -> None:
    Store.open(url).close()
    names = [f"endpoint{number}.x" for number in range(8)]
    with Store.open(url) as store:
        store.open_run(run(scenarios=names))
    together = threading.Barrier(len(names))

    def write(name: str) -> None:
        with Store.open(url) as store:
            together.wait()
            for _ in range(5):
                store.save_measurements(run().id, name, [measurement(name)])

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(write, names))
    with Store.open(url) as store:
        assert [kept.scenario for kept in store.measurements(run().id)] == names


def test_sqlite_lets_people_read_while_others_write_and_keeps_references(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    opened = database.ResultsDatabase(f"sqlite:///{path}")
    with opened.writing() as writing:
        with opened.reading() as reading:
            assert reading.execute(text("SELECT count(*) FROM runs")).scalar_one() == 0
        assert writing.execute(text("PRAGMA foreign_keys")).scalar_one() == 1
    opened.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_an_interrupted_first_opening_leaves_nothing_behind(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    create_schema = database.create_schema

    def interrupted(connection: Connection) -> None:
        create_schema(connection)
        raise KeyboardInterrupt

    monkeypatch.setattr(database, "create_schema", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Store.open(url)
    monkeypatch.undo()
    with create_engine(url).connect() as connection:
        assert database.inspect(connection).get_table_names() == []
    Store.open(url).close()


def test_an_interrupted_migration_leaves_the_older_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'results.db'}"
    Store.open(url).close()
    with create_engine(url).begin() as connection:  # a version that is migrated by doing nothing
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0001'"))

    def interrupted(connection: Connection, _name: str) -> None:
        connection.execute(text("DROP TABLE runs"))
        raise KeyboardInterrupt

    monkeypatch.setattr(database, "upgrade", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Store.open(url)
    with create_engine(url).connect() as connection:
        assert "runs" in inspect(connection).get_table_names()


def test_a_database_of_a_newer_version_is_refused(url: str) -> None:
    Store.open(url).close()
    with create_engine(url).begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(BadInputError, match=r"newer one: use that, or name another database"):
        Store.open(url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgres:u:secret@h", "LOADTASKS_RESULTS_URL is no database URL"),
        ("mysql://u:secret@h/x", "in SQLite .* or PostgreSQL .*, not in mysql"),
        ("postgresql+psycopg://u:secret@127.0.0.1:1/x", r"@127\.0\.0\.1:1/x: .*refused.*see that the server runs"),
        ("postgresql+nosuch://u:secret@127.0.0.1:1/x", "driver is not installed"),
        ("postgresql+psycopg://u:secret@[::1", "LOADTASKS_RESULTS_URL is no database URL"),
        ("sqlite:///%00secret", "LOADTASKS_RESULTS_URL is no database URL"),
        ("sqlite+aiosqlite:///x.db", "aiosqlite is one for asyncio"),
    ],
)
def test_a_wrong_address_is_reported_without_its_password(url: str, says: str) -> None:
    with pytest.raises(BadInputError, match=says) as caught:
        Store.open(url)
    assert "secret" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match=f"{tmp_path}/file/var: the folder .* can't be made .*LOADTASKS_VAR"):
        Store.open(f"sqlite:///{tmp_path}/file/var/results.db")


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "results.db").write_text("not a database, but long enough to look like one" * 50)
    with pytest.raises(BadInputError, match=f"{tmp_path}/results.db: .*not a database"):
        Store.open(f"sqlite:///{tmp_path}/results.db")


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """A folder that we may read and not write; root stops being root for so long."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        before = os.geteuid()
        if before == 0:
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            os.seteuid(before)
            Path(name).chmod(0o755)


def test_a_read_only_folder_is_named(read_only_folder: Path) -> None:
    with pytest.raises(
        BadInputError, match=f"{read_only_folder}/results.db: .*make the folder {read_only_folder} writable"
    ):
        Store.open(f"sqlite:///{read_only_folder}/results.db")
    with pytest.raises(BadInputError, match=f"{read_only_folder}/var: the folder .* can't be made"):
        Store.open(f"sqlite:///{read_only_folder}/var/results.db")


def test_a_full_disk_is_reported_and_what_was_kept_stays(tmp_path: Path) -> None:
    opened = database.ResultsDatabase(f"sqlite:///{tmp_path}/results.db")
    store = Store(opened)
    store.open_run(run())
    with opened.reading() as session:
        pages = session.execute(text("PRAGMA page_count")).scalar_one()
        session.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(BadInputError, match=r"results\.db: .*full.*make room"):
        store.save_failure(run().id, "dashboard.concurrent", failure("x" * 1_000_000))
    assert store.failures(run().id) == {}
    store.close()
