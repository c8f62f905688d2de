"""What the pipeline has stored and people pass around or edit: results files, and the results database."""

import io
import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

from loadtasks import steps
from loadtasks.errors import LoadTasksError
from loadtasks.report import html, listings, markdown, terminal
from loadtasks.results.assembly import assemble
from loadtasks.results.document import FIRST_READ, SCHEMA_VERSION, read_document
from loadtasks.results.message import Channel, Message, MessageKind
from loadtasks.results.news import Reported, find_news
from loadtasks.results.repetitions import Repetition, RepetitionReason
from loadtasks.results.store import Store
from loadtasks.settings import read_settings
from loadtasks.steps import RunContext
from loadtasks.steps.judging import compare_series
from loadtasks.verdict.compare_documents import compare_documents
from tests.fuzz.kinds import FuzzKind
from tests.fuzz.mutations import HOSTILE_VALUES, document_mutator
from tests.loadtasks.report import samples
from tests.loadtasks.report.sentences.test_snapshots import EXAMPLES
from tests.measurements import SERVICE, exemplar, measurement, run
from tests.stored_runs import DASHBOARD, SESSIONS, missed, regression, verdict_of

_RUNS = 4
_RENDERED = 20
"""One of so many databases is rendered as a page, too, which takes longest."""
_IMPORTED = 20
"""One of so many databases is imported into another one, too."""
_READ = 2
"""So many of the commands read one database."""
_AGE = timedelta(days=1)


@cache
def _results_corpus() -> Mapping[str, bytes]:
    """A small and a whole document in each version that is read."""
    small = samples.document(samples.result(DASHBOARD))
    small = small.model_copy(
        update={"scenarios": [small.scenarios[0].model_copy(update={"findings": list(EXAMPLES.values())})]}
    )
    texts = {"small": small.model_dump(mode="json"), "whole": samples.bad_run().model_dump(mode="json")}
    return {
        f"{name}-{version}.json": json.dumps(document | {"schema_version": version}).encode()
        for name, document in texts.items()
        for version in range(FIRST_READ, SCHEMA_VERSION + 1)
    }


def _good(folder: Path) -> Path:
    path = folder / "good.json"
    path.write_bytes(_results_corpus()[f"whole-{SCHEMA_VERSION}.json"])
    return path


def _exercise_results(folder: Path, content: bytes) -> None:
    path = folder / "results.json"
    path.write_bytes(content)
    document = read_document(path)
    terminal.show(document, to=terminal.console(io.StringIO()))
    good = read_document(_good(folder))
    for now, before in ((document, good), (good, document)):
        try:
            compared = compare_documents(now, before)
        except LoadTasksError:
            continue
        terminal.show(compared, to=terminal.console(io.StringIO()))


def _results_commands(folder: Path, content: bytes) -> Sequence[Sequence[str]]:
    path = folder / "results.json"
    path.write_bytes(content)
    return [["report", str(path)], ["compare", str(path), str(_good(folder))]]


@cache
def _database_corpus() -> Mapping[str, bytes]:
    """A database with a row or more in each table."""
    with TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder) / "results.db"
        with Store.open(f"sqlite:///{path}") as store:
            _fill(store)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
        return {"results.db": path.read_bytes()}


def _fill(store: Store) -> None:
    planned = [DASHBOARD, SESSIONS]
    for number in range(_RUNS):
        opened = store.open_run(run(f"run-{number}", scenarios=planned))
        for scenario in planned:
            store.save_measurements(opened.id, scenario, [measurement(scenario, failed=1, exemplars=[exemplar()])])
        store.add_repetition(
            opened.id,
            DASHBOARD,
            Repetition(number=2, measurements=[measurement(DASHBOARD)], reason=RepetitionReason.SUSPECT),
        )
        findings = {DASHBOARD: [missed()], SESSIONS: list(EXAMPLES.values())[number::_RUNS]}
        verdicts = [verdict_of(scenario, found) for scenario, found in findings.items()]
        store.save_verdicts(opened.id, verdicts)
        store.close_run(opened.id, verdicts[0].verdict, opened.started_at)
    store.approvals.approve("run-0", approved_by="a-person", why="good", scenarios=[DASHBOARD])
    store.regressions.save("run-2", [regression("run-2")])
    reported = Reported(runs=store.run_order(SERVICE), regressions=store.regressions.all(SERVICE))
    news = find_news(assemble(store, "run-3"), reported)
    store.messages.save(
        Message(
            service=SERVICE,
            run_id="run-2",
            sequence=3,
            run_started_at=run().started_at,
            kind=MessageKind.ALERT,
            channel=Channel.OUTBOX,
            message_id="<a@b>",
            recipients=["a@example.org"],
            subject="[FAIL] a run",
            content="Subject: x\n\nx\n",
            topics=news.topics,
            created_at=run().started_at,
        )
    )


def _context(folder: Path) -> RunContext:
    return RunContext.from_settings(read_settings(var=str(folder), service=SERVICE))


def _exercise_database(folder: Path, content: bytes) -> None:
    (folder / "results.db").write_bytes(content)
    chance = Random(crc32(content))
    for read in chance.sample(_readers(_context(folder), whole=chance.random() < 1 / _RENDERED), _READ):
        read()
    if chance.random() < 1 / _IMPORTED:
        import_database(folder, content)


def import_database(folder: Path, content: bytes) -> None:
    """Import a database into one whose rows it changes, and into itself."""
    path, other = folder / "import.db", folder / "other"
    path.write_bytes(content)
    other.mkdir()
    (other / "results.db").write_bytes(_database_corpus()["results.db"])
    steps.import_results(_context(other), [path])
    steps.import_results(_context(folder), [path])


def _readers(context: RunContext, *, whole: bool) -> list[Callable[[], object]]:
    """What `report`, `runs`, `history`, `baseline`, `regressions`, `messages`, `backtest`, `prune` and a run read."""

    def shown(show: Callable[..., None], *values: Any) -> None:
        show(*values, to=terminal.console(io.StringIO()))

    def report(run_id: str) -> None:
        document = steps.document(context, run_id)
        shown(terminal.show, document)
        with Store.open(context.workspace.results_url) as store:
            reported = Reported(
                messages=store.messages.reported(SERVICE),
                regressions=store.regressions.all(SERVICE),
                runs=store.run_order(SERVICE),
                reminder_days=7,
            )
        find_news(document, reported)
        if whole:
            document.model_dump_json()
            markdown.render(document)
            html.render(document)

    def listed() -> None:
        with Store.open(context.workspace.results_url) as store:
            shown(listings.show_runs, store.runs())
            shown(listings.show_history, SERVICE, DASHBOARD, store.history(SERVICE, DASHBOARD))
            shown(listings.show_baselines, store.approvals.current())
            shown(listings.show_regressions, store.regressions.all())
            shown(listings.show_messages, store.messages.newest_first())

    def compared() -> None:
        with Store.open(context.workspace.results_url) as store:
            compare_series(context, store, "run-3")
            store.overlapping_runs("run-3")
            store.clock_went_back("run-3")

    return [
        lambda: report(steps.find_run(context, "latest")),
        lambda: report("run-1"),
        listed,
        compared,
        lambda: shown(listings.show_alarms, steps.backtest(context)),
        lambda: steps.plan_pruning(context, _AGE),
    ]


def _database_commands(folder: Path, content: bytes) -> Sequence[Sequence[str]]:
    (folder / "var").mkdir()
    (folder / "var" / "results.db").write_bytes(content)
    return [["report"], ["runs"], ["prune", "--older-than", "1d", "--dry-run"]]


def _mutate_rows(data: bytes, chance: Random) -> bytes:
    """Changes cells, deletes and doubles rows, in one to four places."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(data)
        connection.execute("PRAGMA journal_mode = OFF")
        for _ in range(chance.randint(1, 4)):
            tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            table = chance.choice([name for name in tables if not name.startswith("sqlite_")])
            try:
                _mutate_table(connection, table, chance)
            except sqlite3.Error:  # a constraint: then nothing changes
                connection.rollback()
            connection.commit()
        return connection.serialize()


def _mutate_table(connection: sqlite3.Connection, table: str, chance: Random) -> None:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    rows = [row[0] for row in connection.execute(f"SELECT rowid FROM {table}")]
    kind = chance.random()
    if kind < 0.04:
        connection.execute(
            chance.choice([f"DROP TABLE {table}", f"DELETE FROM {table}", f"ALTER TABLE {table} RENAME TO x"])
        )
    elif kind < 0.07 and len(columns) > 1:
        connection.execute(f"ALTER TABLE {table} RENAME COLUMN {chance.choice(columns)} TO odd")
    elif not rows:
        connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", [1] * len(columns))
    elif kind < 0.2:
        connection.execute(f"DELETE FROM {table} WHERE rowid = ?", [chance.choice(rows)])
    else:
        column, row = chance.choice(columns), chance.choice(rows)
        (value,) = connection.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", [row]).fetchone()
        chosen = rows if chance.random() < 0.1 else [row]
        for number in chosen:
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", [_changed(value, chance), number])


_CELLS: Sequence[object] = (
    *(None, 0, 1, -1, 2**31, 2**63 - 1, -(2**63), 0.5, -0.0, 1e308, -1e308, float("inf"), 5e-324),
    *("", "x", "null", "[]", "{}", "0", "NaN", "\0", "a\0b", "²", "\u202e", "\x1b[31m", "a" * 5000, "pass", "open"),
    *(
        b"",
        b"\xff\x00",
        b"\xed\xa0\x80",
        "1969-12-31 00:00:00.000000",
        "9999-12-31 23:59:59.999999",
        "0001-01-01 00:00:00",
    ),
    *("2036-02-30 00:00:00", "2036-01-01 00:00:00.000000", "run-0", "run-1", DASHBOARD),
)


def _changed(value: object, chance: Random) -> object:
    if isinstance(value, str) and value[:1] in ("{", "[") and chance.random() < 0.8:
        try:
            return document_mutator(json.loads)(value.encode(), chance).decode("utf-8", "replace")
        except (ValueError, RecursionError):
            return "{"
    if isinstance(value, str) and len(value) > 100 and chance.random() < 0.7:  # a histogram
        at = chance.randrange(len(value))
        return chance.choice([value[:at], value[:at] + chance.choice("AZaz09+/=") + value[at + 1 :], value * 2])
    if isinstance(value, int | float) and chance.random() < 0.5:
        return chance.choice([-value, value + 1, value * 10.0**6, value * 10.0**17])
    return chance.choice(_CELLS) if chance.random() < 0.8 else str(chance.choice(HOSTILE_VALUES))[:5000]


KINDS = (
    FuzzKind("results", _results_corpus, _exercise_results, _results_commands, (document_mutator(json.loads),)),
    FuzzKind("databases", _database_corpus, _exercise_database, _database_commands, (_mutate_rows,)),
)
