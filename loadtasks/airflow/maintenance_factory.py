"""`maintenance_dag` makes the DAG that looks after the others. One of it serves all performance DAGs of an Airflow."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, CronTriggerTimetable

from loadtasks.airflow import DAG_ID, LOAD_GENERATOR_POOL, MAINTENANCE_DAG_ID, tasks
from loadtasks.airflow.dag_factory import NOT_BACKFILL, TAG


def maintenance_dag(  # noqa: PLR0913 - what a DAG file may say, each by its name
    dag_id: str = MAINTENANCE_DAG_ID,
    *,
    schedule: str = "15 * * * *",
    timezone: str = "UTC",
    dag_ids: Sequence[str] = (DAG_ID,),
    grace: timedelta = timedelta(hours=1),
    late: timedelta = timedelta(hours=3),
    pool: str = LOAD_GENERATOR_POOL,
    owner: str = "performance",
    tags: Sequence[str] = (TAG,),
) -> DAG:
    """The DAG that tells people of runs that never came, prunes old runs, and gives free space back.

    Args:
        dag_id: its name in Airflow.
        schedule: a cron expression.
        timezone: the time zone of the schedule.
        dag_ids: performance DAGs that may not have made a scheduled run yet; those that have are known.
        grace: how long after its time a run counts as missing.
        late: how long after its time a run that goes on counts as late. That holds where results are in the database of
            a connection, which the deadlines of `performance_dag` can't read; otherwise these tell people.
        pool: the pool of the tasks that send load, for which cleaning up waits.
        owner: who looks after the DAG.
        tags: what the DAG can be found by in the list of DAGs.
    """
    with DAG(
        dag_id=dag_id,
        description="Notices runs that never came, prunes old ones, and makes room",
        doc_md=Path(__file__).with_name("maintenance.md").read_text(encoding="utf-8"),
        schedule=CronTriggerTimetable(schedule, timezone=timezone),
        catchup=False,
        max_active_runs=1,
        allowed_run_types=NOT_BACKFILL,
        is_paused_upon_creation=False,
        dagrun_timeout=timedelta(hours=6),
        default_args={"owner": owner},
        tags=list(tags),
    ) as dag:
        noticed = tasks.notice_missing_runs(
            dag_ids=list(dag_ids), grace_s=grace.total_seconds(), late_s=late.total_seconds()
        )
        noticed >> tasks.clean_up.override(pool=pool)()
    return dag
