"""What older versions kept is found again by this one."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, create_engine, insert, make_url

import loadtasks.results.migrations
from loadtasks.measurement.target_metrics import TargetMetrics
from loadtasks.results.repetitions import Repetition
from loadtasks.results.rows import measurement_row, run_values
from loadtasks.results.schema import MeasurementRow
from loadtasks.results.store import Store
from tests.measurements import exemplar, measurement, run

DASHBOARD, MIXED = "dashboard.concurrent", "mixed.concurrent"


def tables_of(connection: Connection, revision: str) -> MetaData:
    """Make the tables of an older version, and read them as the database has them."""
    config = Config()
    config.set_main_option("script_location", str(Path(loadtasks.results.migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    tables = MetaData()
    tables.reflect(connection)
    return tables


def as_older_versions_kept_it(row: MeasurementRow) -> dict[str, Any]:
    """The columns of a measurement, with its errors and its generator's health in the shape before revision 0007."""
    columns = MeasurementRow.__mapper__.column_attrs
    values = {attribute.columns[0].name: getattr(row, attribute.key) for attribute in columns}
    errors = [{"kind": each["code"], "count": each["count"], "example": each["sample"]} for each in row.errors]
    health = {name: value for name, value in row.health.items() if name != "saturation"} | {"unfit": []}
    return values | {"errors": errors, "health": health}


def test_what_was_measured_before_throttling_was_counted_reads_as_not_throttled(url: str) -> None:
    if (database := make_url(url)).get_backend_name() == "sqlite":
        Path(str(database.database)).parent.mkdir(parents=True)
    before = measurement(DASHBOARD, failed=2)
    engine = create_engine(url)
    with engine.begin() as connection:
        tables = tables_of(connection, "0001")
        row = measurement_row(run().id, 0, before)
        columns = {column.name for column in tables.tables["measurements"].columns} - {"id"}
        assert not columns & {"throttled", "exemplars", "body_bytes", "target_metrics"}, (
            "else the test doesn't begin before the migration"
        )
        of_run = {column.name: run_values(run()).get(column.name) for column in tables.tables["runs"].columns}
        connection.execute(insert(tables.tables["runs"]).values(of_run))
        connection.execute(
            insert(tables.tables["measurements"]).values(
                {name: as_older_versions_kept_it(row)[name] for name in columns}
            )
        )
    engine.dispose()
    told = TargetMetrics(counters={"requests_total": 3.0, "nul_\0_total": 1.0}, gauges={"pool_max": (2, 2)})
    now = measurement(MIXED, throttled=3, exemplars=[exemplar()], body_bytes=2**40, target_metrics=told)
    with Store.open(url) as store:
        assert store.measurements(run().id) == [before]
        store.save_measurements(run().id, MIXED, [now])
        assert store.measurements(run().id) == [before, now]


def test_a_run_before_there_were_references_has_none(url: str) -> None:
    if (database := make_url(url)).get_backend_name() == "sqlite":
        Path(str(database.database)).parent.mkdir(parents=True)
    engine = create_engine(url)
    with engine.begin() as connection:
        tables = tables_of(connection, "0002")
        assert "pairings" not in tables.tables, "else the test doesn't begin before the migration"
        of_run = {column.name: run_values(run()).get(column.name) for column in tables.tables["runs"].columns}
        connection.execute(insert(tables.tables["runs"]).values(of_run))
    engine.dispose()
    with Store.open(url) as store:
        assert store.run(run().id) == run()
        assert store.pairings(run().id) == {}


def test_what_was_measured_before_there_were_attempts_counts(url: str) -> None:
    if (database := make_url(url)).get_backend_name() == "sqlite":
        Path(str(database.database)).parent.mkdir(parents=True)
    before = [measurement(MIXED), measurement(MIXED, part="sessions")]
    engine = create_engine(url)
    with engine.begin() as connection:
        tables = tables_of(connection, "0005")
        kept = tables.tables["measurements"]
        names = {column.name for column in kept.columns} - {"id"}
        assert not names & {"attempt", "counts", "trusted"}, "else the test doesn't begin before the migration"
        of_run = {column.name: run_values(run()).get(column.name) for column in tables.tables["runs"].columns}
        connection.execute(insert(tables.tables["runs"]).values(of_run))
        rows = [measurement_row(run().id, position, each) for position, each in enumerate(before)]
        connection.execute(
            insert(kept), [{name: as_older_versions_kept_it(row)[name] for name in names} for row in rows]
        )
    engine.dispose()
    with Store.open(url) as store:
        (first,) = store.repetitions(run().id, MIXED)
        assert (first.number, first.reported, first.trusted, first.measurements) == (1, True, True, before)
        again = [measurement(MIXED, times_s=[0.001])]
        store.add_repetition(run().id, MIXED, Repetition(number=2, measurements=again))
        assert store.measurements(run().id) == again
        assert len(store.repetitions(run().id, MIXED)) == 2
