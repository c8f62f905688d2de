"""What scripts/airflow_internals.py relies on is still so in the Airflow and structlog that are installed.

When a test fails here after an upgrade: read what changed, correct the function and its docstring, then the test.
"""

from typing import Any

import pytest

from tests.airflow_process import AirflowProcess

INSPECT = """
import inspect, json
import airflow, structlog
from airflow.listeners import hookimpl
from airflow.models.taskinstance import TaskInstance
from airflow.sdk import DAG
from airflow.sdk.execution_time import supervisor, task_runner
from airflow.sdk.listener import get_listener_manager
from airflow.sdk.log import logging_processors
from scripts import airflow_internals

found = {"airflow": airflow.__version__, "structlog": structlog.__version__}

# run_tasks_in_file_order
source = inspect.getsource(DAG.test)
found["a set of task instances"] = "all_tis = set(dr.get_task_instances(" in source
found["which is iterated over"] = "for ti in scheduled_tis:" in source
airflow_internals.run_tasks_in_file_order()
class Mapped:
    __hash__ = TaskInstance.__hash__
    def __init__(self, map_index):
        self.map_index = map_index
found["order"] = [mapped.map_index for mapped in set(map(Mapped, reversed(range(100))))] == list(range(100))

# intercept_log_events
events = []
def take(_logger, level, event):
    events.append([level, event["event"]])
    raise structlog.DropEvent
used_before = structlog.get_logger("before").bind()
used_before.debug("first use")
airflow_internals.intercept_log_events(take)
used_before.warning("from a logger that was used before")
structlog.get_logger("after").warning("from a new one")
supervisor.log.error("from Airflow")
found["events"] = events

# add_task_listener
called = []
class Listener:
    @hookimpl
    def on_task_instance_running(self, task_instance):
        called.append("running")
        raise KeyboardInterrupt
    @hookimpl
    def on_task_instance_success(self, task_instance):
        called.append("success")
    @hookimpl
    def on_task_instance_failed(self, task_instance, error):
        called.append("failed")
airflow_internals.add_task_listener(Listener())
hook = get_listener_manager().hook
try:
    hook.on_task_instance_running(previous_state=None, task_instance=None)
except KeyboardInterrupt:
    called.append("interrupted")
hook.on_task_instance_success(previous_state=None, task_instance=None)
hook.on_task_instance_failed(previous_state=None, task_instance=None, error=None)
found["called"] = called
runner = inspect.getsource(task_runner)
found["hooks are called by the task runner"] = [
    f"hook.on_task_instance_{state}(" in runner for state in ("running", "success", "failed")
]

# task_log_processors
found["json"] = type(airflow_internals.task_log_processors()[-1]).__name__
found["secrets are masked"] = "mask_logs" in [
    getattr(processor, "__name__", "") for processor in airflow_internals.task_log_processors()
]

# load_task_api
found["one API for all tasks of the process"] = hasattr(supervisor.in_process_api_server, "cache_info")
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(airflow: AirflowProcess) -> dict[str, Any]:
    return dict(airflow.evaluate(INSPECT))


def test_versions_are_those_that_were_read(found: dict[str, Any]) -> None:
    assert found["airflow"].startswith("3.3.")
    assert found["structlog"].startswith("26.")


def test_tasks_are_taken_from_a_set_in_the_order_of_their_hashes(found: dict[str, Any]) -> None:
    assert found["a set of task instances"]
    assert found["which is iterated over"]
    assert found["order"]


def test_log_events_of_all_loggers_are_intercepted(found: dict[str, Any]) -> None:
    assert [event for event in found["events"] if event[1].startswith("from ")] == [
        ["warning", "from a logger that was used before"],
        ["warning", "from a new one"],
        ["error", "from Airflow"],
    ]


def test_listeners_are_called_and_may_interrupt(found: dict[str, Any]) -> None:
    assert found["called"] == ["running", "interrupted", "success", "failed"]
    assert found["hooks are called by the task runner"] == [True, True, True]


def test_task_logs_are_json_without_secrets(found: dict[str, Any]) -> None:
    assert found["json"] == "JSONRenderer"
    assert found["secrets are masked"]


def test_the_api_of_tasks_is_made_once(found: dict[str, Any]) -> None:
    assert found["one API for all tasks of the process"]
