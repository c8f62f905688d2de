"""Two results files compared: the allowance from the results database, which is read where it can be and never made."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from loadtasks import steps
from loadtasks.measurement.model import Measurement
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.other_run import AllowanceSource, RunAllowance
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.schema import VERSION_TABLE
from loadtasks.results.store import Store
from loadtasks.settings import read_settings
from loadtasks.steps import RunContext
from tests.measurements import measurement, run
from tests.stored_runs import DASHBOARD, stored_regression

RUNS = 16


def one(median_s: float = 0.1, **changes: object) -> Measurement:
    return measurement(DASHBOARD, times_s=[median_s] * 100, **changes)


def written(path: Path, run_id: str, measured: Measurement) -> Path:
    result = ScenarioResult(scenario=DASHBOARD, endpoint="dashboard", verdict=Verdict.PASS, measurements=[measured])
    planned = run(run_id).model_copy(update={"scenarios": [DASHBOARD]})
    ResultsDocument(run=planned, verdict=Verdict.PASS, scenarios=[result]).write(path / f"{run_id}.json")
    return path / f"{run_id}.json"


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    return RunContext.from_settings(read_settings(var=str(tmp_path / "var")))


def store_runs(context: RunContext, cv: float, **changes: object) -> None:
    """Passing runs whose medians differ so much."""
    random = np.random.default_rng(3)
    with Store.open(context.workspace.results_url) as store:
        for number in range(RUNS):
            opened = store.open_run(run(f"run-{number}", scenarios=[DASHBOARD], **changes))
            median_s = 0.1 * float(np.exp(cv * random.standard_normal()))
            store.save_measurements(opened.id, DASHBOARD, [one(median_s)])
            store.save_verdicts(opened.id, [ScenarioVerdict(scenario=DASHBOARD, verdict=Verdict.PASS)])


def allowance(context: RunContext, now: Path, before: Path) -> RunAllowance:
    (result,) = steps.compare_files(context, now, before).scenarios
    (found,) = (found.parameters for found in result.findings if isinstance(found.parameters, RunAllowance))
    return found


def test_the_history_of_this_machine_is_the_allowance(context: RunContext, tmp_path: Path) -> None:
    now, before = written(tmp_path, "run-4", one(0.19)), written(tmp_path, "elsewhere", one())
    prior = allowance(context, now, before)
    assert (prior.source, prior.runs) == (AllowanceSource.NO_DATABASE, 0)
    assert not context.workspace.var.exists()
    assert steps.compare_files(context, now, before).verdict is Verdict.PASS
    store_runs(context, 0.02)
    found = allowance(context, now, before)
    # The run that is compared says nothing of how much others differ.
    assert (found.source, found.runs, found.detail) == (
        AllowanceSource.HISTORY,
        RUNS - 1,
        str(context.workspace.var / "results.db"),
    )
    assert os.listdir(context.workspace.var) == ["results.db"]
    assert found.scale < prior.scale
    assert (found.detectable or 0) < (prior.detectable or 0)
    assert steps.compare_files(context, now, before).verdict is Verdict.REGRESSED


def test_what_is_not_comparable_or_another_build_is_no_history(context: RunContext, tmp_path: Path) -> None:
    store_runs(context, 0.02)
    now, before = written(tmp_path, "now", one(load={"model": "closed", "workers": 1, "requests": 9})), tmp_path
    before = written(tmp_path, "before", one(load={"model": "closed", "workers": 1, "requests": 9}))
    assert allowance(context, now, before).source is AllowanceSource.NO_COMPARABLE_RUNS
    with Store.open(context.workspace.results_url) as store:
        stored_regression(store, "run-12", "run-14")
    now, before = written(tmp_path, "now", one()), written(tmp_path, "before", one())
    assert allowance(context, now, before).runs == 12


def test_a_database_that_cannot_be_read_is_named_and_left_alone(context: RunContext, tmp_path: Path) -> None:
    now, before = written(tmp_path, "now", one(0.9)), written(tmp_path, "before", one())
    path = context.workspace.var / "results.db"
    path.parent.mkdir()
    with Store.open(context.workspace.results_url):
        pass
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '0003'")
    old = path.read_bytes()
    for content, reason in ((old, "another version"), (b"no database" * 100, "not a database"), (b"", "no such table")):
        path.write_bytes(content)
        found = allowance(context, now, before)
        assert (found.source, found.runs) == (AllowanceSource.UNREADABLE_DATABASE, 0)
        assert reason in found.detail
        assert path.read_bytes() == content
        assert os.listdir(path.parent) == ["results.db"]
    path.unlink()
    os.mkfifo(path)
    assert allowance(context, now, before).source is AllowanceSource.NO_DATABASE


def test_a_locked_database_and_a_server_out_of_reach_do_not_keep_it_waiting(
    context: RunContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadtasks.results.present_database._WAIT_S", 0.1)
    now, before = written(tmp_path, "now", one(0.9)), written(tmp_path, "before", one())
    store_runs(context, 0.02)
    path = context.workspace.var / "results.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("CREATE TABLE another (one)")
        found = allowance(context, now, before)
    assert (found.source, "locked" in found.detail) == (AllowanceSource.UNREADABLE_DATABASE, True)
    away = read_settings(results_url="postgresql+psycopg://me:s3cret-word@127.0.0.1:1/none", var=str(tmp_path))
    found = allowance(RunContext.from_settings(away), now, before)
    assert found.source is AllowanceSource.UNREADABLE_DATABASE
    assert "s3cret-word" not in found.detail
