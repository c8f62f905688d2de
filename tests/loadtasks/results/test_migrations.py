"""What older versions kept is found again by this one."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, create_engine, insert, make_url

import loadtasks.results.migrations
from loadtasks.measurement.availability import Availability
from loadtasks.measurement.errors import ErrorCode, ErrorCount
from loadtasks.measurement.health import Saturation, SaturationCode, Statistic
from loadtasks.measurement.model import Measurement, Protocol
from loadtasks.measurement.target_metrics import TargetMetrics
from loadtasks.report.load_sentence import load_sentence
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.validity import MeasurementFailure
from loadtasks.results.fingerprint import Fingerprint
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.regression import MovePlace
from loadtasks.results.repetitions import Repetition, RepetitionReason
from loadtasks.results.rows import measurement_row, run_values
from loadtasks.results.schema import MeasurementRow
from loadtasks.results.store import Store
from loadtasks.scenarios.canonical import scenario_hash
from loadtasks.scenarios.client_headers import hash_with_client_headers
from loadtasks.scenarios.files import read_scenarios
from loadtasks.scenarios.load_data import load_data
from loadtasks.scenarios.model import parts_of
from tests.measurements import exemplar, measurement, run

KEPT = Path(__file__).with_name("before_client_headers")
DASHBOARD, MIXED = "dashboard.concurrent", "mixed.concurrent"
REVISION_0006 = Path(__file__).with_name("revision_0006")
REVISION_0008 = Path(__file__).with_name("revision_0008")
ALONE, PAIRED, SHARED = "20261101T020000Z-0001", "20261102T020000Z-0002", "20261103T020000Z-0003"
"""The runs in it: one process, in rounds with a reference, and three processes that were saturated."""


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
    errors = [{"kind": error["code"], "count": error["count"], "example": error["sample"]} for error in row.errors]
    health = {name: value for name, value in row.health.items() if name != "saturation"} | {"unfit": []}
    return values | {"errors": errors, "health": health, "load": load_sentence(row.load)}


def with_hash_of_today(measured: Measurement) -> Measurement:
    """A measurement as it reads after revision 0011."""
    return measured.model_copy(update={"scenario_hash": hash_with_client_headers(measured.scenario_hash)})


def test_the_pipelines_own_reasons_for_moves_are_in_todays_words(url: str) -> None:
    if (database := make_url(url)).get_backend_name() == "sqlite":
        Path(str(database.database)).parent.mkdir(parents=True)
    engine = create_engine(url)
    at = datetime(2026, 11, 24, 2, tzinfo=UTC)
    with engine.begin() as connection:
        tables = tables_of(connection, "0006").tables
        connection.execute(
            insert(tables["regressions"]).values(
                id=7, scenario=DASHBOARD, part="", first_run="run-3", found_run="run-4", changes=[]
            )
        )
        for state, who, why in (
            ("open", "automatic", "p50 +20 % (95 % interval +18 % to +22 %)"),
            ("acknowledged", "ada", "back at its level in run run-1, I think"),
            ("fixed", "automatic", "back at its level in run run-9"),
        ):
            connection.execute(insert(tables["moves"]).values(regression_id=7, state=state, at=at, who=who, why=why))
    engine.dispose()
    with Store.open(url) as store:
        moves = store.regressions.find(7).moves
    assert [move.place for move in moves] == [MovePlace.PIPELINE, MovePlace.COMMAND_LINE, MovePlace.PIPELINE]
    reasons = [move.why for move in moves]
    assert reasons == ["found in run run-4", "back at its level in run run-1, I think", "recovered in run run-9"]


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
    metrics = TargetMetrics(counters={"requests_total": 3.0, "nul_\0_total": 1.0}, gauges={"pool_max": (2, 2)})
    now = measurement(MIXED, throttled=3, exemplars=[exemplar()], body_bytes=2**40, target_metrics=metrics)
    with Store.open(url) as store:
        before = with_hash_of_today(before)
        assert store.measurements(run().id) == [before]
        store.save_measurements(run().id, MIXED, [now])
        kept = TargetMetrics(
            counters={"requests_total": 3.0, "nul_\N{SYMBOL FOR NULL}_total": 1.0}, gauges=metrics.gauges
        )
        assert store.measurements(run().id) == [before, now.model_copy(update={"target_metrics": kept})]


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
        assert store.run(run().id) == run(service="shipped-api", sequence=1)
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
        rows = [measurement_row(run().id, position, kept) for position, kept in enumerate(before)]
        connection.execute(
            insert(kept), [{name: as_older_versions_kept_it(row)[name] for name in names} for row in rows]
        )
    engine.dispose()
    with Store.open(url) as store:
        (first,) = store.repetitions(run().id, MIXED)
        kept_now = [with_hash_of_today(kept) for kept in before]
        assert (first.number, first.reported, first.trusted, first.measurements) == (1, True, True, kept_now)
        again = [measurement(MIXED, times_s=[0.001])]
        store.add_repetition(run().id, MIXED, Repetition(number=2, measurements=again))
        assert store.measurements(run().id) == again
        assert len(store.repetitions(run().id, MIXED)) == 2


def test_sentences_attempts_and_remarks_of_revision_0007_are_codes_and_repetitions(url: str) -> None:
    if (database := make_url(url)).get_backend_name() == "sqlite":
        Path(str(database.database)).parent.mkdir(parents=True)
    made = [measurement(DASHBOARD, times_s=[time_s] * 10) for time_s in (0.3, 0.2)]
    engine = create_engine(url)
    with engine.begin() as connection:
        tables = tables_of(connection, "0007").tables
        of_run = {column.name: run_values(run()).get(column.name) for column in tables["runs"].columns}
        connection.execute(insert(tables["runs"]).values(of_run))
        for number, repetition in enumerate(made, 1):
            row = measurement_row(run().id, 0, repetition)
            columns = {column.name for column in tables["measurements"].columns} - {"id", "attempt", "counts"}
            values = {name: getattr(row, name) for name in columns}
            values |= {"attempt": number, "counts": number == 2}
            connection.execute(insert(tables["measurements"]).values(values))
        of_scenario = {"run_id": run().id, "scenario": DASHBOARD}
        remark = (
            "measured twice, since it looked worse than its past: p50 300 ms; then p50 200 ms; the milder one counts"
        )
        connection.execute(insert(tables["remarks"]).values(of_scenario | {"sentence": remark}))
        connection.execute(
            insert(tables["failures"]).values(
                {"run_id": run().id, "scenario": MIXED, "sentence": "interrupted; nothing of this scenario was kept."}
            )
        )
        plain = {"part": "", "metric": "", "observed": None, "limit": None, "next_step": "", "sure": True}
        stored = [
            plain
            | {
                "kind": "target",
                "metric": "p95_s",
                "observed": 3.0,
                "limit": 2.0,
                "sentence": "p95 3.00 s, target < 2.00 s",
            },
            plain | {"kind": "history", "sentence": remark},
        ]
        connection.execute(
            insert(tables["verdicts"]).values(
                of_scenario
                | {"position": 0, "verdict": "fail", "findings": stored, "comparisons": [], "baseline_run": None}
            )
        )
    engine.dispose()
    with Store.open(url) as store:
        repetitions = store.repetitions(run().id, DASHBOARD)
        assert [repetition.measurements for repetition in repetitions] == [[with_hash_of_today(one)] for one in made]
        assert [repetition.reported for repetition in repetitions] == [False, True]
        assert [repetition.reason for repetition in repetitions] == [None, RepetitionReason.SUSPECT]
        assert store.repeated(run().id, RepetitionReason.SUSPECT) == {DASHBOARD: repetitions}
        assert store.failures(run().id) == {MIXED: MeasurementFailure(code=FindingCode.INTERRUPTED)}
        (verdict,) = store.verdicts(run().id)
        missed, confirmation = verdict.findings
        assert (missed.code, missed.observed, missed.limit) == (FindingCode.TARGET_MISSED, 3.0, 2.0)
        assert confirmation.code is FindingCode.CONFIRMATION


@pytest.fixture
def of_revision_0006(tmp_path: Path) -> Iterator[Store]:
    """A database that the code of revision 0006 wrote, migrated: three runs of the scenarios of every.yaml."""
    with migrated(REVISION_0006, tmp_path) as store:
        yield store


@pytest.fixture
def of_revision_0008(tmp_path: Path) -> Iterator[Store]:
    """A database that the code of revision 0008 wrote, migrated: runs of several APIs, whose histories were mixed."""
    with migrated(REVISION_0008, tmp_path) as store:
        yield store


@cache
def migrated_file(revision: Path) -> bytes:
    """A database that an older version wrote, migrated: once for all tests, each of which has a copy of its own."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "results.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript((revision / "database.sql").read_text(encoding="utf-8"))
        with Store.open(f"sqlite:///{path}"):
            pass
        return path.read_bytes()


@contextmanager
def migrated(revision: Path, folder: Path) -> Iterator[Store]:
    path = folder / "results.db"
    path.write_bytes(migrated_file(revision))
    with Store.open(f"sqlite:///{path}") as store:
        yield store


@pytest.mark.parametrize(("run_id", "processes", "paired"), [(ALONE, 1, False), (PAIRED, 1, True), (SHARED, 3, False)])
def test_what_revision_0006_kept_is_comparable_with_what_is_measured_now(
    of_revision_0006: Store, run_id: str, processes: int, paired: bool
) -> None:
    run_before = of_revision_0006.run(run_id)
    assert (run_before.generator, run_before.processes, run_before.measurement_version) == ("a-host", processes, 1)
    scenarios = read_scenarios(REVISION_0006)
    measurements = of_revision_0006.measurements(run_id)
    assert len(measurements) >= 5
    for measured in measurements:
        scenario = scenarios[measured.scenario]
        part = parts_of(scenario)[measured.part] if measured.part else scenario
        load = load_data(part) | ({"paired": True} if paired else {})
        new = measured.model_copy(update={"load": load, "scenario_hash": scenario_hash(part)})
        assert Fingerprint.of(run_before, measured) == Fingerprint.of(run_before, new), measured.label
    assert {baseline.generator for baseline in of_revision_0006.approvals.current()} == {"a-host"}


def test_series_of_revision_0006_hold_what_is_measured_now(of_revision_0006: Store) -> None:
    service = of_revision_0006.run(ALONE).service
    (list_before,) = (
        series for series in of_revision_0006.series(service, scenarios=["every.mixed"]) if series.part == "list"
    )
    new = run("20261104T020000Z-0004", started_at=datetime(2026, 11, 4, tzinfo=UTC), service=service)
    of_revision_0006.open_run(new)
    scenario = read_scenarios(REVISION_0006)["every.mixed"]
    measured = [
        measurement("every.mixed", part=name, load=load_data(part), scenario_hash=scenario_hash(part))
        for name, part in {"": scenario, **parts_of(scenario)}.items()
    ]
    of_revision_0006.save_measurements(new.id, "every.mixed", measured)
    of_revision_0006.save_verdicts(new.id, [ScenarioVerdict(scenario="every.mixed", verdict=Verdict.PASS)])
    (list_now,) = (
        series for series in of_revision_0006.series(service, scenarios=["every.mixed"]) if series.part == "list"
    )
    fingerprint = list_now.points[-1].fingerprint
    assert [point.run_id for point in list_before.like(fingerprint).points] == [ALONE]
    assert [point.run_id for point in list_now.like(fingerprint).points] == [ALONE, new.id]


def test_the_protocol_is_that_of_the_load_and_the_percentile_that_of_the_histogram(of_revision_0006: Store) -> None:
    measurements = of_revision_0006.measurements(ALONE)
    websocket = {measured.label for measured in measurements if measured.protocol is Protocol.WEBSOCKET}
    assert websocket == {
        "every.opened",
        "every.held",
        "every.events",
        "every.events_steadily",
        "every.events_in_stages",
        "every.mixed (open)",
        "every.sockets",
        "every.sockets (one)",
        "every.sockets (all)",
    }
    history = of_revision_0006.history(of_revision_0006.run(ALONE).service, "every.requests")
    (whole,) = of_revision_0006.measurements(ALONE, "every.requests")
    assert history[-1].metrics == whole.metrics
    assert whole.metrics["p99_9_s"] == whole.response.quantile_s(0.999)


def test_errors_and_saturation_are_read_from_their_sentences(of_revision_0006: Store) -> None:
    (whole,) = of_revision_0006.measurements(SHARED, "every.events")
    assert whole.errors == [
        ErrorCount(code=ErrorCode.STATUS, count=3, sample="POST /things: answered 500, expected 2xx", publishing=True),
        ErrorCount(code=ErrorCode.MISSED, count=2, sample="event 3 never reached a listener"),
    ]
    rates = {"sent_per_s": 10.0, "ceiling_per_s": 60_000.0}
    median = Statistic.MEDIAN
    assert whole.health.saturation == [
        Saturation(code=SaturationCode.CPU, observed=0.97, limit=0.9, process=2, **rates),
        Saturation(code=SaturationCode.DISPATCH_LAG, observed=0.02, limit=0.01, statistic=median, process=2, **rates),
        Saturation(code=SaturationCode.LOOP_LAG, observed=0.2, limit=0.1, statistic=Statistic.P99, process=2),
    ]
    pairing = of_revision_0006.pairings(PAIRED)["every.mixed"]
    assert [ratios.saturated for ratios in pairing.round_ratios] == [[False, True]] * 3
    assert pairing.reference[0].load["paired"] is True


def test_addresses_that_were_kept_with_a_password_lose_it(url: str) -> None:
    if (database := make_url(url)).get_backend_name() == "sqlite":
        Path(str(database.database)).parent.mkdir(parents=True)
    engine = create_engine(url)
    with engine.begin() as connection:
        runs = tables_of(connection, "0008").tables["runs"]
        of_run = {column.name: run_values(run()).get(column.name) for column in runs.columns}
        addresses = {"target_url": "http://loadbot:s3cret@host:81/v1", "reference_url": "https://:s3cret@approved"}
        connection.execute(insert(runs).values(of_run | addresses))
        connection.execute(insert(runs).values(of_run | {"id": "other", "target_url": "http://host/@v1"}))
    engine.dispose()
    with Store.open(url) as store:
        kept = store.run(run().id)
        assert (kept.target_url, kept.reference_url) == ("http://host:81/v1", "https://approved")
        assert kept.service == "host:81/v1"
        assert store.run("other").target_url == "http://host/@v1"


def test_the_runs_of_revision_0008_get_the_services_that_new_ones_have(of_revision_0008: Store) -> None:
    assert {run.id: run.service for run, _ in of_revision_0008.runs()} == {
        # The DAG exercised the shipped API: on a free port of this machine, or behind nginx in compose.
        "nightly-1": "shipped-api",
        "nightly-2": "shipped-api",
        "future": "shipped-api",
        "compose": "shipped-api",
        "by-hand": "127.0.0.1:8000",
        "team": "127.0.0.1:9000",
        "staging": "api.example.com:443/v2",
        "httpbin-1": "127.0.0.1:22001",
        "httpbin-2": "127.0.0.1:22001",
        "items-1": "127.0.0.1:22006",
        "password": "api.example.com:81",
    }
    (series,) = of_revision_0008.series("shipped-api", scenarios=[DASHBOARD])
    assert [point.run_id for point in series.points] == ["nightly-1", "nightly-2", "future"]
    assert len({point.fingerprint for point in series.points}) == 1


def test_a_run_is_newer_than_all_of_revision_0008_whatever_their_clocks_said(of_revision_0008: Store) -> None:
    assert of_revision_0008.run_ids()[:2] == ["future", "password"]
    assert of_revision_0008.run("nightly-1").sequence == 1
    new = of_revision_0008.open_run(run("new", service="shipped-api"))
    assert new.sequence == 12
    assert of_revision_0008.run_ids("shipped-api")[:2] == ["new", "future"]


def test_the_history_of_a_service_whose_baseline_was_anothers_is_not_cut(of_revision_0008: Store) -> None:
    assert [
        baseline.service for baseline in of_revision_0008.approvals.current() if baseline.scenario == "root.get"
    ] == ["127.0.0.1:22001"]
    of_revision_0008.approvals.approve_first("items-1")
    assert [baseline.run_id for baseline in of_revision_0008.approvals.current("127.0.0.1:22006")] == ["items-1"]


def test_the_regressions_of_revision_0008_are_those_of_the_service_that_was_measured(of_revision_0008: Store) -> None:
    services = {regression.id: regression.service for regression in of_revision_0008.regressions.all()}
    # By the run that found it, by its first run, and by the newest run of its scenario.
    assert services == {1: "shipped-api", 2: "127.0.0.1:22006", 3: "127.0.0.1:22001", 4: "shipped-api"}
    opened, acknowledged, fixed = of_revision_0008.regressions.find(1).moves
    assert (opened.run_id, acknowledged.run_id, fixed.run_id) == ("nightly-2", None, "future")
    assert [of_revision_0008.run(run_id).sequence for run_id in ("compose", "nightly-2", "future")] == [3, 2, 11]
    assert (opened.sequence, acknowledged.sequence, fixed.sequence) == (3, 2, 11)


@pytest.fixture
def before_client_headers(tmp_path: Path) -> Iterator[Store]:
    """A database that the code of revision 0008 wrote, migrated: two runs of kept.yaml, one of other requests."""
    with migrated(KEPT, tmp_path) as store:
        yield store


FIRST_RUN, OTHER_REQUESTS, PAIRED_RUN = "20261129T045759Z-e4d8", "20261129T045926Z-9ce7", "20261129T050106Z-de83"


@pytest.mark.parametrize("run_id", [FIRST_RUN, PAIRED_RUN])
def test_hashes_of_revision_0008_are_those_of_what_is_measured_now(before_client_headers: Store, run_id: str) -> None:
    scenarios = read_scenarios(KEPT)
    run_before = before_client_headers.run(run_id)
    measurements = before_client_headers.measurements(run_id)
    assert measurements
    for measured in measurements:
        scenario = scenarios[measured.scenario]
        part = parts_of(scenario)[measured.part] if measured.part else scenario
        new = measured.model_copy(update={"scenario_hash": scenario_hash(part)})
        assert Fingerprint.of(run_before, measured) == Fingerprint.of(run_before, new), measured.label
        assert (measured.stale_connections, measured.unreachable_addresses) == (0, [])


def test_every_kept_hash_is_replaced(before_client_headers: Store) -> None:
    alone, mixed = (scenario_hash(read_scenarios(KEPT)[f"kept.{name}"]) for name in ("alone", "mixed"))
    baselines = {baseline.scenario: baseline for baseline in before_client_headers.approvals.current()}
    assert baselines["kept.mixed"].scenario_hash == mixed
    assert baselines["kept.alone"].scenario_hash == alone
    (reference,) = before_client_headers.pairings(PAIRED_RUN)["kept.alone"].reference
    assert reference.scenario_hash == alone
    (verdict,) = before_client_headers.verdicts(OTHER_REQUESTS)
    (finding,) = [found for found in verdict.findings if found.code is FindingCode.NOT_COMPARABLE]
    (other,) = before_client_headers.measurements(OTHER_REQUESTS)
    assert (finding.parameters.now, finding.parameters.before) == (other.scenario_hash, alone)
    assert other.scenario_hash != alone


@dataclass(frozen=True)
class Stored:
    """A measurement as revision 0009 kept it, and what is compared of it now."""

    load: dict[str, Any]
    elapsed_s: float
    time_s: float
    duration_s: float | None
    throughput_per_s: float | None


def open_load(duration_s: float) -> dict[str, Any]:
    return {"model": "open", "rate": 10.0, "duration_s": duration_s}


def closed_load(workers: int, **more: Any) -> dict[str, Any]:
    return {"model": "closed", "workers": workers} | more


STAGES = {"model": "stages", "stages": [{"rate": 5.0, "duration_s": 4.0}, {"rate": 0, "duration_s": 4.0}]}
EVENTS = {"model": "broadcast", "listeners": 2, "events": 50, "rate": 5.0}
LONGEST_PART = {
    "model": "mixed",
    "parts": {
        "short": closed_load(1, duration_s=5.0),
        "long": {"model": "broadcast", "publishing": {"model": "open", "rate": 5.0, "duration_s": 20.0}},
    },
}
ONE_PART_ENDLESS = {
    "model": "mixed",
    "parts": {"a": {"model": "closed", "duration_s": 5.0}, "b": {"model": "connections"}},
}
STORED = {
    "nothing came late": Stored(open_load(10.0), 9.95, 0.05, 10.0, 10.0),
    "nothing came late after stages": Stored(STAGES, 7.5, 0.05, 8.0, 12.5),
    "hardly": Stored(closed_load(1, duration_s=10.0), 10.05, 0.1, None, 100 / 10.05),
    "slow responses": Stored(closed_load(9, duration_s=10.0), 10.05, 0.9, None, None),
    "a late one": Stored(open_load(10.0), 12.0, 0.05, None, None),
    "no duration": Stored(closed_load(1, requests=100), 50.0, 0.5, None, 2.0),
    "paired": Stored(closed_load(9, duration_s=10.0, paired=True), 12.0, 0.9, None, 100 / 12.0),
    "events": Stored(EVENTS, 12.0, 2, None, 100 / 12.0),
    "mixed, as long as its longest part": Stored(LONGEST_PART, 19.0, 0.5, 20.0, 5.0),
    "mixed with a part without duration": Stored(ONE_PART_ENDLESS, 50.0, 0.5, None, 2.0),
}


def test_stored_throughput_is_compared_where_it_means_what_it_means_now(url: str) -> None:
    """One database has a run of each kind: to make it and to migrate it takes longer than all else."""
    if (database := make_url(url)).get_backend_name() == "sqlite":
        Path(str(database.database)).parent.mkdir(parents=True)
    before = {
        name: measurement(DASHBOARD, times_s=[kept.time_s] * 100, load=kept.load, elapsed_s=kept.elapsed_s)
        for name, kept in STORED.items()
    }
    engine = create_engine(url)
    with engine.begin() as connection:
        tables = tables_of(connection, "0009").tables
        measurements = tables["measurements"]
        columns = {column.name for column in measurements.columns} - {"id"}
        assert not columns & {"availability", "duration_s", "stragglers"}, "else it doesn't begin before the migration"
        for sequence, (name, measured) in enumerate(before.items(), 1):
            of_run = {column.name: run_values(run(name)).get(column.name) for column in tables["runs"].columns}
            connection.execute(insert(tables["runs"]).values(of_run | {"service": name, "sequence": sequence}))
            row = measurement_row(name, 0, measured)
            connection.execute(insert(measurements).values({column: getattr(row, column) for column in columns}))
    engine.dispose()
    with Store.open(url) as store:
        for name, kept in STORED.items():
            (stored,) = store.measurements(name)
            assert stored == with_hash_of_today(before[name]).model_copy(update={"duration_s": kept.duration_s}), name
            assert (stored.availability, stored.stragglers) == (None, 0), name
            (entry,) = store.history(name, DASHBOARD)
            compared = entry.metrics["throughput_per_s"]
            assert compared == (pytest.approx(kept.throughput_per_s) if kept.throughput_per_s else None), name
            assert entry.metrics["p50_s"] == before[name].p50_s, f"{name}: all else is compared as before"
        outage = Availability(share=0.5, longest_outage_s=2.0, longest_outage_from_s=1.0)
        now = measurement(MIXED, duration_s=4.0, stragglers=3, availability=outage)
        store.save_measurements("hardly", MIXED, [now])
        assert store.measurements("hardly")[-1] == now
