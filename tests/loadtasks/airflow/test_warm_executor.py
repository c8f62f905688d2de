"""The executor whose tasks find everything imported."""

from typing import Any

import pytest

from tests.airflow_process import AirflowProcess

_START = """
import json, sys, time
from airflow.sdk import DAG  # what any scheduler has imported
from loadtasks.airflow.warm_executor import WarmLocalExecutor

found = {"before": list(sys.modules)}
executor = WarmLocalExecutor(parallelism=1)
executor._spawn_workers_with_gc_freeze = lambda number: found.update(workers=number, forked=list(sys.modules))
executor.start()
naps = []
time.sleep = naps.append
key, state = ("key",), "success"
executor.running.add(key)

def sync():
    naps.clear()
    executor.sync()
    return [len(naps), list(executor.get_event_buffer().values())]

executor.result_queue.put((key, state, None))
while executor.result_queue.empty():
    pass  # its bytes are on their way
found["after an end"] = sync()
ends = []

def nap(_seconds):
    naps.append(_seconds)
    if len(naps) == 3:
        executor.result_queue.put((key, state, None))

time.sleep = nap
executor.running.add(key)
found["waits for an end"] = sync()
clock = iter(range(1000))
time.monotonic = lambda: next(clock)
time.sleep = naps.append
found["none ends"] = sync()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(airflow: AirflowProcess) -> dict[str, Any]:
    return dict(airflow.evaluate(_START))


def test_everything_but_great_expectations_is_imported_before_workers_are_forked(found: dict[str, Any]) -> None:
    assert found["workers"] == 1
    pipeline = {"numpy", "scipy.special", "uvloop", "loadtasks.steps", "loadtasks.airflow.bodies.measuring"}
    assert pipeline.isdisjoint(found["before"]), "Airflow's other commands import executors too"
    assert pipeline | {"airflow.sdk.execution_time.task_runner"} <= set(found["forked"])
    assert {"great_expectations", "pandas", "altair", "vl_convert"}.isdisjoint(found["forked"])


def test_the_scheduler_goes_on_when_a_task_ends(found: dict[str, Any]) -> None:
    naps, events = found["after an end"]
    assert (naps, len(events)) == (0, 1)
    naps, events = found["waits for an end"]
    assert (naps >= 3, len(events)) == (True, 1)


def test_it_also_goes_on_where_none_ends(found: dict[str, Any]) -> None:
    assert found["none ends"][1] == []


def test_the_settings_of_one_machine_name_it(airflow: AirflowProcess) -> None:
    name = airflow.environment["AIRFLOW__CORE__EXECUTOR"]
    assert name == "loadtasks.airflow.warm_executor.WarmLocalExecutor"
    assert float(airflow.environment["AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME"]) < 1, "it waits in its place"
