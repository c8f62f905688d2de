import subprocess
import sys

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from app.storage import database as module
from app.storage.database import AppDatabase
from app.storage.models import TableBase
from app.storage.schema_version import HEAD, MIGRATIONS, VERSION_TABLE, SchemaError
from tests.app.service import ROOT, environ_for

pytestmark = pytest.mark.every_database

INDEXES = "SELECT name, lower(sql) FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
INDEXES_POSTGRESQL = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"


def indexes(engine) -> dict[str, str]:
    statement = INDEXES if engine.dialect.name == "sqlite" else INDEXES_POSTGRESQL
    with engine.connect() as connection:
        found = dict(tuple(row) for row in connection.execute(text(statement)))
    return {name: sql for name, sql in found.items() if not name.startswith(VERSION_TABLE)}


def configuration() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def step_down(url: str, revision: str) -> None:
    """Bring a database back to an earlier version."""
    config = configuration()
    with create_engine(url).begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


@pytest.mark.filterwarnings("ignore:autogenerate skipping:UserWarning")
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection:sqlalchemy.exc.SAWarning")
def test_the_migrations_make_the_tables_that_the_code_expects(url, new_url, tmp_path):
    AppDatabase(url).create_schema()
    with create_engine(url).connect() as connection:
        options = {
            "version_table": VERSION_TABLE,
            "compare_type": True,
            "include_object": lambda _object, _name, kind, *_: kind != "index",  # see below
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, TableBase.metadata) == []
    (tmp_path / "other").mkdir()
    other = create_engine(new_url(tmp_path / "other"))
    TableBase.metadata.create_all(other)  # Alembic doesn't compare indexes with expressions well
    assert indexes(create_engine(url)) == indexes(other)


def test_head_is_the_newest_migration():
    assert ScriptDirectory.from_config(configuration()).get_current_head() == HEAD


def test_a_database_from_before_the_migrations_is_taken_over(database, url):
    step_down(url, "0001")
    with create_engine(url).begin() as connection:
        connection.execute(text(f"DROP TABLE {VERSION_TABLE}"))
    with pytest.raises(SchemaError, match="run python -m app migrate"):
        database.check_schema()
    database.create_schema()
    database.check_schema()
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM sessions")).scalar_one() == 100


@pytest.mark.parametrize("version", ["0001", "9999"])
def test_only_the_version_that_the_code_needs_is_used(database, url, version: str):
    if version < HEAD:
        step_down(url, version)
    else:
        with create_engine(url).begin() as connection:
            connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{version}'"))
    with pytest.raises(SchemaError, match=f"has version {version} of its tables, not {HEAD}: run"):
        database.check_schema()
    if version > HEAD:
        with pytest.raises(SchemaError, match="migrated by a newer version"):
            database.create_schema()
    else:
        database.create_schema()
        database.check_schema()


def test_an_interrupted_migration_leaves_nothing_behind(url, monkeypatch):
    upgrade = module.upgrade

    def interrupted(connection: object, name: str) -> None:
        upgrade(connection, name)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "upgrade", interrupted)
    with pytest.raises(KeyboardInterrupt):
        AppDatabase(url).create_schema()
    monkeypatch.undo()
    with create_engine(url).connect() as connection:
        assert inspect(connection).get_table_names() == []
    AppDatabase(url).create_schema()


def test_many_instances_may_migrate_at_once(url, tmp_path):
    environ = environ_for(tmp_path, APP_DATABASE_URL=url)
    arguments = [sys.executable, "-m", "app", "migrate"]
    started = [subprocess.Popen(arguments, cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for process in started:
        _, stderr = process.communicate(timeout=60)
        assert (process.returncode, stderr) == (0, "The schema is up to date.\n")
