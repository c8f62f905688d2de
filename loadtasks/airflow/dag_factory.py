"""`performance_dag` makes the DAG of a run. A DAG file calls it once and needs nothing else."""

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, CronTriggerTimetable, Param

from loadtasks.airflow import DAG_ID, REFERENCE_CONNECTION, TARGET_CONNECTION, TRIAGE_DAG_ID, tasks
from loadtasks.errors import LoadTasksError
from loadtasks.scenarios.files import read_scenarios
from loadtasks.settings import read_settings


def performance_dag(
    dag_id: str = DAG_ID,
    *,
    schedule: str = "0 2 * * *",
    timezone: str = "UTC",
    service: str | None = None,
    triage: str = TRIAGE_DAG_ID,
) -> DAG:
    """The DAG that exercises an API, judges and compares what was measured, reports it, and sends alerts.

    Args:
        dag_id: its name in Airflow. Reports appear in the UI for the default name only.
        schedule: a cron expression.
        timezone: the time zone of the schedule, such as `Europe/Berlin`.
        service: the name of the service whose API it exercises: runs are compared with runs of the same service only.
            When None, that of the connection, else LOADTASKS_SERVICE, else the target's host, port and path.
        triage: the name of the DAG (see `triage_dag`) that asks people about regressions.
    """
    with DAG(
        dag_id=dag_id,
        description="Exercises the API endpoint by endpoint and judges whether it is still good enough",
        doc_md=Path(__file__).with_name("dag.md").read_text(encoding="utf-8"),
        # The first run is the coming one: a DAG deployed by day does not exercise the API at once.
        schedule=CronTriggerTimetable(schedule, timezone=timezone, run_immediately=timedelta(minutes=10)),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        dagrun_timeout=timedelta(hours=12),
        default_args={"execution_timeout": timedelta(hours=4)},
        tags=["performance"],
        params=_trigger_form(),
    ) as dag:
        # A failed task does not stop the run: a scenario that can't be measured, or a target that is down, is reported.
        due = tasks.repetitions_due()
        tasks.measure.expand(scenario=tasks.open_run(service=service)) >> due
        (
            tasks.confirm.expand(scenario=due)
            >> tasks.judge()
            >> tasks.compare(triage=triage)
            >> tasks.report()
            >> tasks.alert(service=service)
            >> tasks.verdict()
        )
    return dag


def _trigger_form() -> dict[str, Param]:
    return {
        "scenarios": Param(
            [],
            type=["array", "null"],
            items={"type": "string"},
            examples=_scenario_names(),
            title="Scenarios",
            description="Scenarios to measure; all when none is chosen.",
        ),
        "target": Param(
            None,
            type=["string", "null"],
            title="Target",
            description="Address of the API, such as http://127.0.0.1:8000; that of the connection "
            f"{TARGET_CONNECTION} when empty. The connection's token is sent to the connection's own address only.",
        ),
        "service": Param(
            None,
            type=["string", "null"],
            title="Service",
            description="Name of the service whose API the target is; runs are compared within a service only. When "
            "empty: the configured name for the configured target, host, port and path for another one.",
        ),
        "reference": Param(
            None,
            type=["string", "null"],
            title="Reference",
            description="Address of the approved build. Both builds are driven in turn and the ratio of their response "
            f"times is judged. When empty: that of the connection {REFERENCE_CONNECTION}, if there is one.",
        ),
        "load_factor": Param(
            1.0,
            type="number",
            minimum=0.1,
            maximum=20,
            title="Load factor",
            description="Multiplies the load of every scenario: 2 means twice the load. Runs with different load "
            "factors are not compared.",
        ),
        "processes": Param(
            None,
            type=["integer", "null"],
            minimum=1,
            title="Processes",
            description="Number of processes that generate the load of a scenario, for loads beyond one core; "
            "LOADTASKS_PROCESSES, else 1, when empty.",
        ),
    }


def _scenario_names() -> list[str]:
    """What the form offers. Nothing when a setting or a scenario file is wrong: the run reports that."""
    try:
        return list(read_scenarios(read_settings().scenarios))
    except LoadTasksError:
        return []
