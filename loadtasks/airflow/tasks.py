"""The tasks of a run, as Airflow sees them: pools, retries, trigger rules.

Airflow imports this module whenever it parses a DAG file, every 30 seconds or so. What a task does is in `task_bodies`,
which imports the whole pipeline (a second of CPU time), and is therefore imported when a task runs.
"""
# ruff: noqa: PLC0415 - see above

from datetime import timedelta

from airflow.sdk import TriggerRule, task

from loadtasks.airflow import LOAD_GENERATOR_POOL

BY_SCENARIO = "{{ task.op_kwargs['scenario'] }}"
"""What the UI calls each mapped task."""


@task
def open_run(service: str | None = None) -> list[str]:
    """Check suites, scenarios, and that the target responds and admits to them; return the scenarios' names."""
    from loadtasks.airflow import task_bodies

    return task_bodies.open_run(service)


@task(
    pool=LOAD_GENERATOR_POOL,
    map_index_template=BY_SCENARIO,
    retries=1,  # for a worker that dies; a failure of the target is never tried again
    retry_delay=timedelta(seconds=10),
)
def measure(scenario: str) -> None:
    """Exercise one scenario and keep its measurement."""
    from loadtasks.airflow import task_bodies

    task_bodies.measure(scenario)


@task(trigger_rule=TriggerRule.ALL_DONE)
def repetitions_due() -> list[str]:
    """Return the scenarios that are due for more repetitions, for instance to confirm a suspected regression."""
    from loadtasks.airflow import task_bodies

    return task_bodies.repetitions_due()


@task(
    pool=LOAD_GENERATOR_POOL,
    map_index_template=BY_SCENARIO,
    retries=0,  # the repetitions made so far are kept and judged
)
def confirm(scenario: str) -> None:
    """Repeat the measurement of one scenario, up to three times, and choose the repetition to report."""
    from loadtasks.airflow import task_bodies

    task_bodies.confirm(scenario)


@task(trigger_rule=TriggerRule.ALL_DONE)
def judge() -> None:
    """Judge whether each measurement is valid and meets its targets."""
    from loadtasks.airflow import task_bodies

    task_bodies.judge()


@task
def compare(triage: str) -> None:
    """Compare each scenario with the reference, where there is one, else with its baseline; ask about regressions."""
    from loadtasks.airflow import task_bodies

    task_bodies.compare(triage)


@task
def report() -> None:
    """Write the report."""
    from loadtasks.airflow import task_bodies

    task_bodies.report()


@task(
    trigger_rule=TriggerRule.ALL_DONE,
    execution_timeout=timedelta(minutes=10),  # a mail server may hang; what is pending then is sent with the next run
)
def alert(service: str | None = None) -> None:
    """Send an alert when the verdict is not good, even after a failed task."""
    from loadtasks.airflow import task_bodies

    task_bodies.alert(service)


@task(trigger_rule=TriggerRule.ALL_DONE)
def verdict() -> None:
    """Fail the DAG run when the verdict is not good or an earlier step failed."""
    from loadtasks.airflow import task_bodies

    task_bodies.verdict()
