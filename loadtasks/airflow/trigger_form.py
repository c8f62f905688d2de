"""The trigger form: what a run may be triggered with, in the UI, by the REST API and by the command line.

Airflow checks the values when a run is triggered. Its form, on the other hand, puts a number that is below `minimum` or
above `maximum` onto the bound without a word: bounds therefore stand in `allOf`, which the form doesn't read and the
check does.
"""

from typing import Any

from airflow.sdk import Param

from loadtasks.airflow.dag_project import DagProject
from loadtasks.errors import LoadTasksError
from loadtasks.scenarios.files import read_scenarios
from loadtasks.service_name import MAX_LENGTH
from loadtasks.settings import read_settings

ADDRESS = (
    r"^\s*((https?|HTTPS?)://)?"  # as TargetAddress: `host:port` is http
    r"([^\s@?#:/\\\[\]]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
    r"(/[^\s@?#\\]*)?\s*$|^\s*$"
)
"""What an address looks like. The run's first task checks whether it is one, and says what is wrong with it."""
MIN_LOAD_FACTOR, MAX_LOAD_FACTOR = 0.1, 20
MAX_PROCESSES = 1024
_MAX_ADDRESS = 2000
_WHAT, _WHOM, _HOW_MUCH = "What is measured", "Whose API", "How much load"


def trigger_form(project: DagProject) -> dict[str, Param]:
    """The parameters of the DAG of a project, by name."""
    return {
        "scenarios": Param(
            [],
            type=["array", "null"],
            items={"type": "string"},
            examples=_scenario_names(project),
            title="Scenarios",
            section=_WHAT,
            description="Scenarios to measure; all when none is chosen.",
        ),
        "target": _address(
            "Target",
            _WHOM,
            f"Address of the API, such as http://127.0.0.1:8000; that of the connection {project.target} when "
            "empty. The connection's token is sent to the connection's own address only.",
        ),
        "service": Param(
            None,
            type=["string", "null"],
            maxLength=MAX_LENGTH,
            title="Service",
            section=_WHOM,
            description="Name of the service whose API the target is; runs are compared within a service only. When "
            "empty: the configured name for the configured target, host, port and path for another one.",
        ),
        "reference": _address(
            "Reference",
            _WHOM,
            "Address of the approved build. Both builds are driven in turn and the ratio of their response times is "
            f"judged. When empty: that of the connection {project.reference}, if there is one.",
        ),
        "load_factor": Param(
            1.0,
            type="number",
            title="Load factor",
            section=_HOW_MUCH,
            description="Multiplies the load of every scenario: 2 means twice the load. "
            f"From {MIN_LOAD_FACTOR} to {MAX_LOAD_FACTOR}. Runs with different load factors are not compared.",
            **_within(MIN_LOAD_FACTOR, MAX_LOAD_FACTOR),
        ),
        "processes": Param(
            None,
            type=["integer", "null"],
            title="Processes",
            section=_HOW_MUCH,
            description="Number of processes that generate the load of a scenario, for loads beyond one core, from 1 "
            f"to {MAX_PROCESSES}; LOADTASKS_PROCESSES, else 1, when empty.",
            **_within(1, MAX_PROCESSES),
        ),
    }


def _address(title: str, section: str, description: str) -> Param:
    return Param(
        None,
        type=["string", "null"],
        pattern=ADDRESS,
        maxLength=_MAX_ADDRESS,
        title=title,
        section=section,
        description=description,
    )


def _within(minimum: float, maximum: float) -> dict[str, Any]:
    return {"allOf": [{"minimum": minimum, "maximum": maximum}]}


def _scenario_names(project: DagProject) -> list[str]:
    """What the form offers. Nothing when a setting or a scenario file is wrong: the run reports that."""
    try:
        folders = project.folders(read_settings().model_fields_set)
        return list(read_scenarios(read_settings(**folders).scenarios))
    except LoadTasksError:
        return []
