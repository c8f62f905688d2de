"""Airflow in processes of its own: importing it takes over the logging of the process that does."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from loadtasks.airflow import DAG_ID

PROJECT = Path(__file__).resolve().parents[1]

_READ_DAGS = """
import json, os, sys
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.configuration import conf
before = set(sys.modules)

def read(folder):
    return found(BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder"))

def found(bag): return {
    "errors": bag.import_errors,
    "files": len(bag.dagbag_stats),
    "imported": sorted({name.split(".")[0] for name in set(sys.modules) - before}),
    "dags": {
        dag_id: {
            "file": dag.relative_fileloc,
            "schedule": [str(getattr(dag.timetable, name, "")) for name in ("expression", "timezone")],
            "catchup": dag.catchup,
            "max_active_runs": dag.max_active_runs,
            "paused": dag.is_paused_upon_creation,
            "doc": dag.doc_md,
            "params": {name: dag.params.get_param(name).dump() for name in dag.params},
            "tasks": {
                task.task_id: {
                    "after": sorted(task.upstream_task_ids),
                    "rule": task.trigger_rule.value,
                    "pool": task.pool,
                    "mapped": task.is_mapped,
                    "role": "set-up" if task.is_setup else "teardown" if task.is_teardown else "",
                }
                for task in dag.tasks
            },
        }
        for dag_id, dag in bag.dags.items()
    },
}

bags = []
for environment in json.loads(os.environ["ENVIRONMENTS"]):
    os.environ.update(environment)
    bags.append(read(conf.get("core", "dags_folder")))
print(json.dumps(bags, default=str))
"""


@dataclass(frozen=True)
class AirflowProcess:
    """Airflow with the settings of scripts/airflow.env and everything it writes in one folder."""

    var: Path
    environment: dict[str, str]

    @classmethod
    def within(cls, var: Path) -> "AirflowProcess":
        ours = ("AIRFLOW", "LOADTASKS_", "APP_")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        sourced = subprocess.run(
            ["bash", "-c", "source scripts/airflow.env && env -0"],
            cwd=PROJECT,
            env=clean | {"LOADTASKS_VAR": str(var)},
            capture_output=True,
            text=True,
            check=True,
        )
        return cls(var, dict(line.split("=", 1) for line in sourced.stdout.split("\0") if line))

    def evaluate(self, code: str, **environment: str) -> Any:
        """Run code that prints JSON as its last line; return the value."""
        done = subprocess.run(
            [sys.executable, "-P", "-c", code],
            cwd=PROJECT,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def read_dags(self, *environments: dict[str, str]) -> list[dict[str, Any]]:
        """What Airflow reads from the DAGs folder, and what it imports for that, in each environment."""
        return list(self.evaluate(_READ_DAGS, ENVIRONMENTS=json.dumps(environments)))

    def start_nightly(self, *options: str, **environment: str) -> subprocess.Popen[str]:
        """Start what `make nightly` runs."""
        return subprocess.Popen(
            [sys.executable, "-m", "scripts.nightly", *options],
            cwd=PROJECT,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def nightly(self, *options: str, **environment: str) -> "NightlyRun":
        """Run what `make nightly` runs, to its end."""
        process = self.start_nightly(*options, **environment)
        output, errors = process.communicate()
        return NightlyRun(self, process.returncode, output, errors)

    def latest_run(self) -> dict[str, Any]:
        """The newest DAG run as Airflow has it, with the state of each task (a mapped one by its name)."""
        with closing(sqlite3.connect(self.var / "airflow" / "airflow.db")) as database:
            run_id, state = database.execute(
                "select run_id, state from dag_run where dag_id = ? order by run_after desc", (DAG_ID,)
            ).fetchone()
            tasks = database.execute(
                "select coalesce(rendered_map_index, task_id), state from task_instance where run_id = ?", (run_id,)
            )
            return {"run_id": run_id, "state": state, "tasks": dict(tasks)}


@dataclass(frozen=True)
class NightlyRun:
    """What came of `make nightly`."""

    airflow: AirflowProcess
    code: int
    output: str
    errors: str

    def __str__(self) -> str:
        return f"exit code {self.code}\n{self.output}\n{self.errors}"


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> AirflowProcess:
    """An Airflow whose database and logs are in a folder of the test's own."""
    return AirflowProcess.within(tmp_path_factory.mktemp("var"))
