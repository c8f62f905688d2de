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

PROJECT = Path(__file__).resolve().parents[2]


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

    def answer(self, code: str, **environment: str) -> Any:
        """Run code that prints JSON as its last line; give what it says."""
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

    def migrate(self) -> None:
        """Make the database."""
        self.answer(
            "import sys; sys.path.insert(0, 'scripts'); import airflow_local; airflow_local.prepare(); print(0)"
        )

    def start_night(self, *options: str, **environment: str) -> subprocess.Popen[str]:
        """Start what `make nightly` runs."""
        return subprocess.Popen(
            [sys.executable, "scripts/nightly.py", *options],
            cwd=PROJECT,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def night(self, *options: str, **environment: str) -> "Night":
        """What `make nightly` runs, to its end."""
        process = self.start_night(*options, **environment)
        said, complained = process.communicate()
        return Night(self, process.returncode, said, complained)

    def latest_run(self) -> dict[str, Any]:
        """The newest DAG run as Airflow has it, with the state of each task (a mapped one by its name)."""
        with closing(sqlite3.connect(self.var / "airflow" / "airflow.db")) as database:
            run_id, state = database.execute("select run_id, state from dag_run order by run_after desc").fetchone()
            tasks = database.execute(
                "select coalesce(rendered_map_index, task_id), state from task_instance where run_id = ?", (run_id,)
            )
            return {"run_id": run_id, "state": state, "tasks": dict(tasks)}


@dataclass(frozen=True)
class Night:
    """What became of a night."""

    airflow: AirflowProcess
    code: int
    said: str
    complained: str

    def __str__(self) -> str:
        return f"exit code {self.code}\n{self.said}\n{self.complained}"
