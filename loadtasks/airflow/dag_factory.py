"""`performance_dag` makes the DAG of a run. A DAG file calls it once and needs nothing else."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable

from loadtasks.airflow import (
    DAG_ID,
    LOAD_GENERATOR_POOL,
    REFERENCE_CONNECTION,
    TARGET_CONNECTION,
    TRIAGE_DAG_ID,
    tasks,
)
from loadtasks.airflow.dag_project import PerformanceDag, project_in
from loadtasks.airflow.late_runs import alert_when_late
from loadtasks.airflow.trigger_form import trigger_form
from loadtasks.errors import LoadTasksError
from loadtasks.settings import read_settings

TAG = "performance"
_MAX_RUN = timedelta(hours=12)
NOT_BACKFILL: Any = ("scheduled", "manual", "operator_triggered", "asset_triggered", "asset_materialization")
"""Run types that are allowed: the past can't be measured, so that Airflow refuses a backfill before it begins."""


def performance_dag(  # noqa: PLR0913 - what a DAG file may say, each by its name
    dag_id: str = DAG_ID,
    *,
    schedule: str = "0 2 * * *",
    timezone: str = "UTC",
    project: str | Path | None = None,
    service: str | None = None,
    target: str = TARGET_CONNECTION,
    reference: str = REFERENCE_CONNECTION,
    pool: str = LOAD_GENERATOR_POOL,
    queue: str | None = None,
    triage: str = TRIAGE_DAG_ID,
    deadline: timedelta | None = timedelta(hours=3),
    max_delay: timedelta | None = timedelta(hours=1),
    reference_command: str | None = None,
    reference_folder: str | None = None,
    owner: str = "performance",
    owner_link: str | None = None,
    tags: Sequence[str] = (TAG,),
) -> DAG:
    """The DAG that exercises an API, judges and compares what was measured, reports it, and sends alerts.

    Args:
        dag_id: its name in Airflow.
        schedule: a cron expression.
        timezone: the time zone of the schedule, such as `Europe/Berlin`.
        project: the folder that holds `scenarios/` and `expectations/`, absolute or relative to the DAG file. When
            None, LOADTASKS_SCENARIOS and LOADTASKS_EXPECTATIONS, else the DAG file's own folder.
        service: the name of the service whose API it exercises: runs are compared with runs of the same service only.
            When None, that of the connection, else LOADTASKS_SERVICE, else the target's host, port and path.
        target: the id of the Airflow connection to the API under test.
        reference: the id of the Airflow connection to the approved build, which there need not be.
        pool: the pool of the tasks that send load. It has one slot, and is made when a run begins and it is missing.
            DAGs whose load is generated on one machine share a pool, others need not.
        queue: the queue of Celery whose workers run the tasks; when None, the default one. Measurements of machines
            that differ in speed are not comparable.
        triage: the name of the DAG (see `triage_dag`) that asks people about regressions.
        deadline: how long after it was due a run may end; then people get a mail that it is late. None: no such mail.
        max_delay: how long after its time a scheduled run may begin. One that is later, as where the scheduler was down
            until noon or the DAG was paused, is skipped, and people get a mail that it was missed. None: the last
            missed run is made up for whenever that is possible.
        reference_command: starts the approved build, which the target is compared with: a command of the shell, in
            which `{port}` is the port on which it has to listen on 127.0.0.1. A set-up task starts it before the run
            is opened, a teardown stops it. With LocalExecutor only: it runs on the machine that measures.
        reference_folder: where that command runs.
        owner: who looks after the DAG.
        owner_link: where a click on the owner leads: a URL, or `mailto:` and an address. When None, a mail to the
            first of LOADTASKS_RECIPIENTS, where that is set.
        tags: what the DAG can be found by in the list of DAGs.
    """
    link = owner_link or _mail_to_recipient()
    folders = project_in(project, target, reference)
    defaults: dict[str, Any] = {"execution_timeout": timedelta(hours=4), "owner": owner}
    with PerformanceDag(
        dag_id=dag_id,
        description="Exercises the API endpoint by endpoint and judges whether it is still good enough",
        doc_md=Path(__file__).with_name("dag.md").read_text(encoding="utf-8"),
        # The first run is the coming one: a DAG deployed by day does not exercise the API at once.
        schedule=CronTriggerTimetable(schedule, timezone=timezone, run_immediately=timedelta(minutes=10)),
        catchup=False,
        max_active_runs=1,
        allowed_run_types=NOT_BACKFILL,
        is_paused_upon_creation=False,
        dagrun_timeout=_MAX_RUN,
        deadline=alert_when_late(deadline, max_delay) if deadline is not None else None,
        default_args=defaults | ({"queue": queue} if queue is not None else {}),
        owner_links={owner: link} if link else {},
        tags=list(tags),
        params=trigger_form(folders),
    ) as dag:
        dag.project = folders
        # A failed task does not stop the run: a scenario that can't be measured, or a target that is down, is reported.
        due = tasks.repetitions_due()
        max_delay_s = max_delay.total_seconds() if max_delay is not None else None
        opened = tasks.open_run(service=service, max_delay_s=max_delay_s)
        tasks.measure.override(pool=pool).expand(scenario=opened) >> due
        confirmed = tasks.confirm.override(pool=pool).expand(scenario=due)
        (
            confirmed
            >> tasks.judge()
            >> tasks.compare(triage=triage)
            >> tasks.report()
            >> tasks.alert(service=service)
            >> tasks.verdict()
        )
        if reference_command is not None:
            start: Any = tasks.start_reference(reference_command, reference_folder, _MAX_RUN.total_seconds())
            start >> opened
            confirmed >> tasks.stop_reference().as_teardown(setups=start)
    return dag


def _mail_to_recipient() -> str | None:
    """A link that writes a mail to who gets the alerts; None where nobody said who that is."""
    try:
        settings = read_settings()
    except LoadTasksError:  # the run reports that
        return None
    return f"mailto:{settings.recipients[0]}" if "recipients" in settings.model_fields_set else None
