"""The tasks of a run, as Airflow sees them: pools, retries, trigger rules, and what the UI says of them.

Airflow imports this module whenever it parses a DAG file, every 30 seconds or so. What a task does is in `bodies`,
which imports the whole pipeline (a second of CPU time), and is therefore imported when a task runs.
"""
# ruff: noqa: PLC0415 - see above

from datetime import timedelta

from airflow.sdk import AssetAlias, TriggerRule

from loadtasks.airflow import LOAD_GENERATOR_POOL, VERDICTS
from loadtasks.airflow.pipeline_task import pipeline_task

BY_SCENARIO = "{{ task.op_kwargs['scenario'] }}"
"""What the UI calls each mapped task."""


@pipeline_task(execution_timeout=timedelta(minutes=10))
def start_reference(command: str, folder: str | None, max_s: float) -> str | None:
    """Start the approved build on this machine, and wait until it is healthy; return its address.

    `stop_reference` ends it, whatever becomes of the run. Where the trigger form names a reference, nothing is started.
    """
    from loadtasks.airflow.bodies import reference

    return reference.start_reference(reference.ReferenceCommand(command, folder, max_s))


@pipeline_task(execution_timeout=timedelta(minutes=10))
def stop_reference() -> None:
    """End the approved build that `start_reference` has started."""
    from loadtasks.airflow.bodies import reference

    reference.stop_reference()


@pipeline_task()
def open_run(service: str | None = None, max_delay_s: float | None = None) -> list[str]:
    """Check suites, scenarios, and that the target responds and admits to them; return the scenarios' names.

    Fails, with one sentence, where something is wrong that a person has to put right. Skipped where a scheduled run
    would begin too late: clear it to make the run now.
    """
    from loadtasks.airflow.bodies import opening

    return opening.open_run(service, max_delay_s)


@pipeline_task(
    pool=LOAD_GENERATOR_POOL,
    max_active_tis_per_dagrun=1,  # also where somebody gives the pool more slots
    map_index_template=BY_SCENARIO,
    retries=1,  # for a worker that dies; a failure of the target is never tried again
    retry_delay=timedelta(seconds=10),
)
def measure(scenario: str) -> None:
    """Exercise one scenario and keep its measurement. The log ends with its table.

    Only one scenario is driven at a time, whatever DAG it belongs to: the pool has one slot.
    """
    from loadtasks.airflow.bodies import measuring

    measuring.measure(scenario)


@pipeline_task(trigger_rule=TriggerRule.ALL_DONE)
def repetitions_due() -> list[str]:
    """Return the scenarios that are due for more repetitions, for instance to confirm a suspected regression."""
    from loadtasks.airflow.bodies import measuring

    return measuring.repetitions_due()


@pipeline_task(
    pool=LOAD_GENERATOR_POOL,
    max_active_tis_per_dagrun=1,  # also where somebody gives the pool more slots
    map_index_template=BY_SCENARIO,
    retries=0,  # the repetitions made so far are kept and judged
)
def confirm(scenario: str) -> None:
    """Repeat the measurement of one scenario, up to three times, and choose the repetition to report.

    Skipped where no repetition is due.
    """
    from loadtasks.airflow.bodies import measuring

    measuring.confirm(scenario)


@pipeline_task(trigger_rule=TriggerRule.ALL_DONE)
def judge() -> None:
    """Judge whether each measurement is valid and meets its targets."""
    from loadtasks.airflow.bodies import judging

    judging.judge()


@pipeline_task()
def compare(triage: str) -> None:
    """Compare each scenario with the reference, where there is one, else with its baseline; ask about regressions."""
    from loadtasks.airflow.bodies import judging

    judging.compare(triage)


@pipeline_task(outlets=[AssetAlias(VERDICTS)])
def report() -> None:
    """Write the report, and add an event to the asset of the service and its verdict, `performance://SERVICE/VERDICT`.

    The event is this task's and not that of `verdict`, which fails where the verdict is not good: Airflow keeps no
    events of failed tasks.
    """
    from loadtasks.airflow.bodies import judging

    judging.report()


@pipeline_task(
    trigger_rule=TriggerRule.ALL_DONE,
    execution_timeout=timedelta(minutes=10),  # a mail server may hang; what is pending then is sent with the next run
)
def alert(service: str | None = None) -> None:
    """Send an alert when there is something new, even after a failed task."""
    from loadtasks.airflow.bodies import telling

    telling.alert(service)


@pipeline_task(
    trigger_rule=TriggerRule.ALL_DONE,
    execution_timeout=timedelta(minutes=10),
)
def verdict() -> None:
    """Fail the DAG run when the verdict is not good or an earlier step failed. The log ends with its sentence.

    XCom `return_value` holds `run_id`, `verdict` and `sentence`, the run's note the sentence.
    """
    from loadtasks.airflow.bodies import telling

    telling.verdict()


@pipeline_task(execution_timeout=timedelta(minutes=10))
def notice_missing_runs(dag_ids: list[str], grace_s: float, late_s: float) -> None:
    """Tell people of runs that were due and never came, and of late ones that were noted.

    It does not wait for the pool: a run that hangs would hold it.
    """
    from loadtasks.airflow.bodies import maintaining

    maintaining.notice_missing_runs(dag_ids, grace_s, late_s)


@pipeline_task(pool=LOAD_GENERATOR_POOL, trigger_rule=TriggerRule.ALL_DONE, execution_timeout=timedelta(hours=2))
def clean_up() -> None:
    """Prune old runs where `LOADTASKS_KEEP_DAYS` says so, and give free space of database and Data Docs back.

    It waits for the pool, so that it never disturbs a measurement.
    """
    from loadtasks.airflow.bodies import maintaining

    maintaining.clean_up()
