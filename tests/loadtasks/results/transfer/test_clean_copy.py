"""Files that claim to be results databases: read without running anything in them, or refused in one sentence."""

import gzip
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from loadtasks.errors import BadInputError
from loadtasks.results.transfer.clean_copy import open_clean_copy
from loadtasks.results.transfer.run_copies import read_runs
from loadtasks.results.transfer.source_file import copy_database
from tests.merged_results import Runner
from tests.stored_runs import missed

REVISION_0006 = Path(__file__).parents[1] / "revision_0006" / "database.sql"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small export that is not compressed."""
    runner = Runner(tmp_path_factory.mktemp("exported"), "runner")
    for day in range(2):
        runner.run_on(day, missed())
    runner.regress("runner-0", "runner-1")
    return runner.export("export.db")


def read(path: Path) -> list[str]:
    """The runs of a file, in their order."""
    raw, clean = path.with_name("raw.db"), path.with_name("clean.db")
    copy_database(path, raw)
    engine = open_clean_copy(raw, clean, str(path))
    with Session(engine) as session:
        found = list(read_runs(session))
    engine.dispose()
    return found


def edited(exported: Path, folder: Path, script: str) -> Path:
    """A copy of the export after SQL statements."""
    path = folder / "edited.db"
    path.write_bytes(exported.read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return path


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TRIGGER bad AFTER INSERT ON runs BEGIN DELETE FROM runs; END; CREATE VIEW more AS SELECT 1",
        "CREATE TABLE other (x); CREATE INDEX slow ON runs (hex(zeroblob(1000000)))",
        "ALTER TABLE runs ADD COLUMN extra AS (hex(zeroblob(100000000)))",
        "PRAGMA journal_mode = WAL",
    ],
)
def test_what_else_stands_in_a_file_is_ignored(exported: Path, tmp_path: Path, script: str) -> None:
    assert read(edited(exported, tmp_path, script)) == ["runner-0", "runner-1"]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("DROP TABLE results_version", "no results database"),
        ("UPDATE results_version SET version_num = '9999'", "written by a newer one"),
        ("UPDATE results_version SET version_num = 'heads'", "no version"),
        ("DELETE FROM results_version", "no version"),
        ("DROP TABLE messages", "its messages is missing"),
        ("ALTER TABLE runs DROP COLUMN trigger", "runs has no column trigger"),
        (
            "ALTER TABLE moves RENAME TO old; CREATE VIEW moves AS SELECT * FROM old",
            "its moves is missing",
        ),
        (
            "DROP TABLE failures; CREATE VIRTUAL TABLE failures USING fts5(run_id)",
            "its failures is missing",
        ),
        ("UPDATE measurements SET p50_s = 'fast'", "number expected, found 'fast'"),
        ("UPDATE measurements SET response = 'x'", "measurements (id"),
        ("UPDATE runs SET service = x'ff'", "text expected"),
        ("UPDATE runs SET sequence = sequence + 3000000000", "odd sequence"),
        ("UPDATE runs SET service = hex(zeroblob(1000))", "odd service"),
        ("UPDATE runs SET started_at = '0001-01-01 00:00:00'", "time from 1970"),
        ("UPDATE moves SET state = 'gone'", "moves (id 1)"),
        ("DELETE FROM moves", "regressions (id 1)"),
        ("UPDATE verdicts SET findings = '{'", "verdicts (run_id runner-0"),
        ("UPDATE verdicts SET run_id = 'none' WHERE run_id = 'runner-0'", "FOREIGN KEY"),
        ("UPDATE runs SET generator = CAST(x'c328' AS TEXT)", "UTF-8"),
        ("UPDATE runs SET generator = zeroblob(70000000)", "too big"),
    ],
)
def test_a_file_that_somebody_made_up_is_refused(exported: Path, tmp_path: Path, script: str, said: str) -> None:
    path = edited(exported, tmp_path, script)
    with pytest.raises(BadInputError, match=r"^[^\n]+$") as refused:
        read(path)
    assert said in str(refused.value)
    assert str(path) in str(refused.value)


def test_rows_that_are_one_piece_of_the_file_many_times_are_refused(exported: Path, tmp_path: Path) -> None:
    path = edited(exported, tmp_path, "UPDATE runs SET generator = hex(zeroblob(400000))")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(BadInputError):
        read(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda data: b"", "holds no results database"),
        (lambda data: b"{}", "holds no results database"),
        (lambda data: b"PK\3\4" + data, "unpack it first"),
        (lambda data: gzip.compress(data)[:-900], "was cut"),
        (lambda data: gzip.compress(data)[:-8] + b"x" * 8, "is damaged"),
        (lambda data: gzip.compress(b"{}"), "not a database"),
        (lambda data: gzip.compress(data[:100] + bytes(80 << 20)), "holds more than 64 MiB"),
        (lambda data: data[:9000], "damaged or was edited"),
        (lambda data: data[:100] + bytes(len(data) - 100), "damaged or was edited"),
    ],
)
def test_other_files_are_refused(exported: Path, tmp_path: Path, content: Callable[[bytes], bytes], said: str) -> None:
    path = tmp_path / "other"
    path.write_bytes(content(exported.read_bytes()))
    with pytest.raises(BadInputError) as refused:
        read(path)
    assert said in str(refused.value)


def test_what_stands_in_the_write_ahead_log_only_is_read_and_the_input_stays_as_it_is(tmp_path: Path) -> None:
    runner = Runner(tmp_path, "runner")
    with runner.store, closing(sqlite3.connect(runner.folder / "results.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM runs").fetchall()  # keeps the log from being written back
        runner.run_on(1)
        (tmp_path / "input").mkdir()
        for name in ("results.db", "results.db-wal"):
            (tmp_path / "input" / name).write_bytes((runner.folder / name).read_bytes())
    before = {path.name: path.read_bytes() for path in (tmp_path / "input").iterdir()}
    raw = tmp_path / "raw.db"
    copy_database(tmp_path / "input" / "results.db", raw)
    with closing(sqlite3.connect(raw)) as connection:
        assert connection.execute("SELECT id FROM runs").fetchall() == [("runner-1",)]
    assert {path.name: path.read_bytes() for path in (tmp_path / "input").iterdir()} == before


def test_a_database_of_an_older_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(REVISION_0006.read_text())
        ids = [row[0] for row in connection.execute("SELECT id FROM runs ORDER BY started_at")]
    before = path.read_bytes()
    assert sorted(read(path)) == sorted(ids)
    assert path.read_bytes() == before
