"""Databases that somebody edited, or that are somebody else's: one sentence that names the place and what to do."""

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import create_engine, text

from loadtasks.errors import BadInputError
from loadtasks.results.assembly import assemble
from loadtasks.results.schema import VERSION_TABLE
from loadtasks.results.store import Store
from tests.measurements import SERVICE, measurement, run
from tests.stored_runs import DASHBOARD, missed, stored_regression, verdict_of

VERSIONS = f"INSERT INTO {VERSION_TABLE} VALUES"


@pytest.fixture
def filled(url: str) -> str:
    """A database with a row in most tables."""
    if url.startswith("sqlite"):
        copy_filled(Path(url.removeprefix("sqlite:///")))
    else:
        fill(url)
    return url


@pytest.fixture
def filled_sqlite(tmp_path: Path) -> str:
    path = tmp_path / "results.db"
    copy_filled(path)
    return f"sqlite:///{path}"


@cache
def filled_file() -> bytes:
    """An SQLite database, filled once for all tests."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "results.db"
        fill(f"sqlite:///{path}")
        return path.read_bytes()


def copy_filled(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(filled_file())


def fill(url: str) -> None:
    with Store.open(url) as store:
        for run_id in ("one", "two"):
            opened = store.open_run(run(run_id, scenarios=[DASHBOARD]))
            store.save_measurements(run_id, DASHBOARD, [measurement(DASHBOARD)])
            verdict = verdict_of(DASHBOARD, [missed()])
            store.save_verdicts(run_id, [verdict])
            store.close_run(run_id, verdict.verdict, opened.started_at)
        stored_regression(store, "one", "two")


def execute(url: str, statement: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def read_everything(url: str) -> None:
    with Store.open(url) as store:
        for run_id in store.run_ids():
            assemble(store, run_id)
            store.overlapping_runs(run_id)
            store.clock_went_back(run_id)
        store.runs()
        store.series(SERVICE, whole=True)
        store.history(SERVICE, DASHBOARD)
        store.regressions.all()


def refusal(url: str) -> str:
    with pytest.raises(BadInputError) as raised:
        read_everything(url)
    sentence = str(raised.value)
    assert sentence.isprintable()
    assert sentence.endswith(".")
    return sentence


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE runs SET scenarios = '5' WHERE id = 'two'", ("runs (id two)", "JSON list")),
        ("UPDATE runs SET started_at = '9999-12-31 00:00:00' WHERE id = 'two'", ("runs (id two)", "2999")),
        ("UPDATE runs SET verdict = 'splendid' WHERE id = 'one'", ("runs (id one)", "splendid")),
        ("UPDATE verdicts SET findings = '[{}]'", ("verdicts (run_id one, scenario dashboard.concurrent)", "code")),
        ("UPDATE measurements SET response = 'HIST'", ("measurements (id 1)", "HdrHistogram")),
        ("UPDATE measurements SET load = '[]'", ("measurements (id 1)", "JSON object")),
        ("UPDATE measurements SET elapsed_s = -1", ("measurements (id 1)", "elapsed_s")),
        ("UPDATE measurements SET elapsed_s = 1e300", ("measurements (id 1)", "elapsed_s")),
        ("DELETE FROM moves", ("regressions (id 1)", "moves")),
        ("UPDATE moves SET state = 'lost'", ("moves (id 1)", "lost")),
        ("UPDATE regressions SET changes = '[1]'", ("regressions (id 1)", "JSON list of objects")),
    ],
)
def test_a_row_that_is_not_as_it_was_written_is_named(filled: str, statement: str, where: tuple[str, str]) -> None:
    execute(filled, statement)
    sentence = refusal(filled)
    assert all(part in sentence for part in (*where, "restore the database from a backup")), sentence


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE runs SET scenarios = '{' WHERE id = 'two'", "runs (id two)"),
        ("UPDATE runs SET sequence = 'x' WHERE id = 'two'", "runs (id two)"),
        ("UPDATE runs SET service = x'ff00'", "runs (id one)"),
        ("UPDATE runs SET service = CAST(x'ff00' AS TEXT)", "runs (id one)"),
        ("UPDATE runs SET started_at = 'today'", "runs (id one)"),
        ("UPDATE measurements SET p50_s = 'fast'", "measurements (id 1)"),
        ("UPDATE measurements SET completed = 1e999", "measurements (id 1)"),
    ],
)
def test_sqlite_takes_any_value_and_it_is_named_all_the_same(filled_sqlite: str, statement: str, where: str) -> None:
    execute(filled_sqlite, statement)
    assert where in refusal(filled_sqlite)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE measurements SET reported = false",
        "DELETE FROM measurements",
        "DELETE FROM verdicts",
        "DELETE FROM runs WHERE id = 'one'",
        "DELETE FROM regressions",
        "DELETE FROM run_sequence",
    ],
)
def test_what_was_deleted_by_hand_is_gone_and_the_rest_can_be_read(filled: str, statement: str) -> None:
    execute(filled, statement)
    read_everything(filled)


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        ([f"{VERSIONS} ('0003')"], "2 versions instead of one"),
        ([f"UPDATE {VERSION_TABLE} SET version_num = '9999'"], "written by a newer one"),
        ([f"DELETE FROM {VERSION_TABLE}"], "no version of it"),
        ([f"DROP TABLE {VERSION_TABLE}"], "no version of it"),
        (["DROP TABLE moves"], "restore"),
    ],
)
def test_tables_that_are_not_those_of_one_version_are_refused(filled: str, statements: list[str], says: str) -> None:
    for statement in statements:
        execute(filled, statement)
    assert says in refusal(filled)


@pytest.mark.parametrize("kind", ["TABLE runs (name text)", "VIEW runs AS SELECT 1 AS id"])
def test_a_table_of_somebody_else_is_left_alone(url: str, kind: str) -> None:
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir()
    execute(url, f"CREATE {kind}")
    assert "there is a table runs" in refusal(url)
    execute(url, f"DROP {kind.split(maxsplit=1)[0]} runs")
    execute(url, "CREATE TABLE other (name text)")
    read_everything(url)


def test_a_schema_that_is_no_text_is_damaged(filled_sqlite: str) -> None:
    path = Path(filled_sqlite.removeprefix("sqlite:///"))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"CREATE TABLE moves", b"CREATE TABL\xff moves"))
    assert "the file is damaged" in refusal(filled_sqlite)


def test_the_path_of_the_database_is_that_of_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), Path("/dev/null")):
        assert "a device, a pipe or a socket instead of a file" in refusal(f"sqlite:///{path}")
    assert "it is a folder" in refusal(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize(
    "word", ["a\0b", "\ud800", ("\ud800" + "x" * 999) * 10_000], ids=["NUL", "half a pair", "10 MB"]
)
def test_a_targets_own_words_are_kept_as_far_as_a_database_can(url: str, word: str) -> None:
    with Store.open(url) as store:
        store.open_run(run(target_version=word))
        kept = measurement(DASHBOARD, errors=[{"code": "status", "count": 1, "sample": word}], failed=1)
        store.save_measurements(run().id, DASHBOARD, [kept])
        version = store.run(run().id).target_version
        (measured,) = store.measurements(run().id)
        document = assemble(store, run().id)
    clean = word.replace("\0", "\N{SYMBOL FOR NULL}").replace("\ud800", "\N{REPLACEMENT CHARACTER}")
    assert version == measured.errors[0].sample == clean
    assert document.model_dump_json()
