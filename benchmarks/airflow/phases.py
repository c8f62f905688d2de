"""Where the time of a DAG run went: what Airflow's database and the logs of its tasks say."""

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

_BODY_BEGINS, _BODY_ENDS = "::endgroup::", "::group::Post Execute"


@dataclass
class TaskTimes:
    """Seconds of a task; of a mapped one those of all its instances together."""

    queued: float = 0.0
    """From the end of the task before it until its process is there: the scheduler's part."""
    starting: float = 0.0
    """Until its function is called: imports, plugins, the DAG file."""
    body: float = 0.0
    """Until its function has returned; what it imports, and the load, too."""
    ending: float = 0.0
    """Until Airflow has its state."""

    def add(self, other: "TaskTimes") -> None:
        """Add the times of another instance."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)


def wall_s(airflow_home: Path, dag_run_id: str) -> float | None:
    """How long a DAG run took from its trigger, in seconds; None while it runs."""
    ((queued, ended, state),) = _rows(
        airflow_home, "select queued_at, end_date, state from dag_run where run_id = ?", dag_run_id
    )
    if state in ("queued", "running"):
        return None
    return (_moment(ended) - _moment(queued)).total_seconds()


def task_times(airflow_home: Path, dag_run_id: str) -> dict[str, TaskTimes]:
    """The times of each task that ran, by its name, in the order in which they ran."""
    rows = _rows(
        airflow_home,
        "select task_id, map_index, start_date, end_date from task_instance where run_id = ? and start_date is not null"
        " order by start_date",
        dag_run_id,
    )
    ((before,),) = _rows(airflow_home, "select queued_at from dag_run where run_id = ?", dag_run_id)
    previous, found = _moment(before), dict[str, TaskTimes]()
    for task_id, map_index, started, ended in rows:
        start, end = _moment(started), _moment(ended)
        begins, ends = _body(airflow_home, dag_run_id, task_id, map_index)
        times = TaskTimes(
            queued=(start - previous).total_seconds(),
            starting=(begins - start).total_seconds(),
            body=(min(ends or end, end) - begins).total_seconds(),
            ending=(end - min(ends or end, end)).total_seconds(),
        )
        found.setdefault(task_id, TaskTimes()).add(times)
        previous = end
    return found


def load_s(var: Path) -> float:
    """How long load was sent in all measurements, in seconds."""
    with closing(_connected(var / "results.db")) as database:
        (value,) = database.execute("select sum(elapsed_s) from measurements where part = ''").fetchone()
        return float(value)


def _body(airflow_home: Path, dag_run_id: str, task_id: str, map_index: int) -> tuple[datetime, datetime | None]:
    """When a task's function was called, and when it returned; None where it raised."""
    folder = airflow_home / "logs" / "dag_id=nightly_performance" / f"run_id={dag_run_id}" / f"task_id={task_id}"
    log = (folder / f"map_index={map_index}" if map_index >= 0 else folder) / "attempt=1.log"
    events = [json.loads(line) for line in log.read_text().splitlines()]
    begins = next(event for event in events if event["event"] == _BODY_BEGINS)
    ends = next((event for event in events if event["event"] == _BODY_ENDS), None)
    return _moment(begins["timestamp"]), _moment(ends["timestamp"]) if ends else None


def _rows(airflow_home: Path, query: str, dag_run_id: str) -> list[tuple]:
    with closing(_connected(airflow_home / "airflow.db")) as database:
        return database.execute(query, (dag_run_id,)).fetchall()


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
