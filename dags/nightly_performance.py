"""The nightly run: exercise the API, judge and compare what was measured, report it, and tell people.

Every task calls one function of `loadtasks.steps`; everything here can be done with `python -m loadtasks` too.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, CronTriggerTimetable, Param, TriggerRule, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from dags.connections import REFERENCE_CONNECTION, TARGET_CONNECTION, performance_reference, performance_target
from dags.mail import mail_server, mail_settings, tell_unopened
from loadtasks import steps
from loadtasks.errors import BadInputError, LoadTasksError
from loadtasks.report.repetitions import render_repetitions_due
from loadtasks.results.run import run_id_from
from loadtasks.settings import read_settings
from loadtasks.steps import RunContext

log = logging.getLogger(__name__)

LOAD_GENERATOR_POOL = "load_generator"
"""One slot: two scenarios at once would measure each other."""

STEPS_BEFORE_THE_VERDICT = ["judge", "compare", "report", "alert"]
_UNOPENED = "unopened"
"""XCom key: the sentence that says why the run could not be opened."""


def _offered_scenarios() -> list[str]:
    """What the trigger form offers; a scenario file that is wrong is told by the run, not by a DAG that is missing."""
    try:
        return steps.scenario_names(_stored())
    except LoadTasksError:
        return []


def _this_run() -> str:
    """The run that this DAG run makes: the same for a retried or cleared task."""
    return run_id_from(str(get_current_context()["run_id"]))


def _stored() -> RunContext:
    """The context of a task that only works on what is stored."""
    return RunContext.from_settings(read_settings())


def _exercising() -> RunContext:
    """The context of a task that sends load: the trigger form, then the connections, then the settings."""
    params = get_current_context()["params"]
    settings = read_settings(processes=params["processes"])
    target = performance_target(settings, params["target"])
    reference = performance_reference(settings, target, params["reference"])
    return replace(RunContext.from_settings(settings), target=target, reference=reference)


@contextmanager
def _failing_in_one_sentence() -> Iterator[None]:
    """What a person can mend fails the task with its sentence, at once: trying again would not help."""
    try:
        yield
    except LoadTasksError as error:
        log.error("%s", error)  # noqa: TRY400 - the sentence says it all
        raise AirflowFailException(str(error)) from None


@task
def open_run() -> list[str]:
    """Check suites, scenarios and that the target is alive; give the scenarios to be measured."""
    context = get_current_context()
    params = context["params"]
    with _failing_in_one_sentence():
        exercising = _exercising()
        target, reference = exercising.target, exercising.reference
        paired = f", paired with {reference.url}" if reference else ""
        log.info("Run %s exercises %s%s", _this_run(), target.url, paired)
        try:
            run = steps.open_run(
                exercising,
                scenarios=params["scenarios"] or None,
                load_factor=params["load_factor"],
                trigger="scheduled" if str(context["run_id"]).startswith("scheduled") else "manual",
                run_id=_this_run(),
            )
        except LoadTasksError as error:
            # A run whose target is down is kept and goes on to be told; of one with a bad suite only this is known.
            context["ti"].xcom_push(key=_UNOPENED, value=str(error))
            raise
    return list(run.scenarios)


@task(
    pool=LOAD_GENERATOR_POOL,
    map_index_template="{{ task.op_kwargs['scenario'] }}",
    retries=1,  # for a worker that dies; what the target does wrong is never tried again
    retry_delay=timedelta(seconds=10),
)
def measure(scenario: str) -> None:
    """Exercise one scenario and keep what it showed."""
    with _failing_in_one_sentence():
        steps.measure(_exercising(), _this_run(), scenario)


@task(trigger_rule=TriggerRule.ALL_DONE)
def suspects() -> list[str]:
    """Which scenarios are measured again before anybody is woken, as those that look worse than their past."""
    if _unopened():
        raise AirflowSkipException("There is no run to look at.")
    with _failing_in_one_sentence():
        due = steps.repetitions_due(_stored(), _this_run())
    for line in render_repetitions_due(due):
        log.info("%s", line)
    return list(due)


@task(
    pool=LOAD_GENERATOR_POOL,
    map_index_template="{{ task.op_kwargs['scenario'] }}",
    retries=0,  # what was measured before stands
)
def measure_again(scenario: str) -> None:
    """Exercise a scenario again, a suspect up to three times; the middle measurement counts."""
    with _failing_in_one_sentence():
        steps.confirm(_exercising(), _this_run(), scenario)


@task(trigger_rule=TriggerRule.ALL_DONE)
def judge() -> None:
    """Say of each measurement whether it is valid and meets its targets; the only task that imports GX."""
    if _unopened():
        raise AirflowSkipException("There is no run to judge.")
    with _failing_in_one_sentence():
        steps.judge(_stored(), _this_run())


@task
def compare() -> None:
    """Compare with the reference, or with the baseline."""
    with _failing_in_one_sentence():
        steps.compare(_stored(), _this_run())


@task
def report() -> None:
    """Write the report."""
    with _failing_in_one_sentence():
        log.info("Report: %s", steps.write_report(_stored(), _this_run()) / "index.html")


@task(trigger_rule=TriggerRule.ALL_DONE)
def alert() -> None:
    """Tell people when the verdict is not good, whatever came of the tasks before."""
    with _failing_in_one_sentence():
        stored, deliver = RunContext.from_settings(read_settings(**mail_settings())), mail_server()
        if sentence := _unopened():
            where: str | None = tell_unopened(stored, _this_run(), sentence, deliver)
        else:
            where = steps.alert(stored, _this_run(), deliver)
    log.info("The alert went to %s", where) if where else log.info("All is good, nobody needs to be told")


@task(trigger_rule=TriggerRule.ALL_DONE)
def verdict() -> None:
    """Fail the DAG run when the verdict is not good or a step before it broke."""
    with _failing_in_one_sentence():
        if sentence := _unopened():
            raise BadInputError(f"Nothing was measured: {sentence}")
        reached = steps.conclude(_stored(), _this_run())
        if broken := _broken(STEPS_BEFORE_THE_VERDICT):
            raise LoadTasksError(
                f"{', '.join(broken)} broke, so the verdict {reached} of run {_this_run()} is not the whole story; "
                f"the log of {broken[0]} says why: mend it and clear that task to run it again."
            )
        if not reached.good:
            raise LoadTasksError(f"The verdict of run {_this_run()} is {reached}; the report says what and why.")
    log.info("The verdict of run %s is %s", _this_run(), reached)


def _unopened() -> str | None:
    """Why there is no run at all; None when there is one."""
    pull = get_current_context()["ti"].xcom_pull
    if pull(task_ids="open_run") is not None:
        return None
    try:
        steps.conclude(_stored(), _this_run())
    except LoadTasksError:
        return str(pull(task_ids="open_run", key=_UNOPENED) or "open_run did not run to its end; its log says why")
    return None


def _broken(task_ids: Sequence[str]) -> list[str]:
    """Which of these tasks failed in this DAG run, in their order."""
    context = get_current_context()
    run_id = str(context["run_id"])
    states = context["ti"].get_task_states(context["dag"].dag_id, task_ids=list(task_ids), run_ids=[run_id])
    return [task_id for task_id in task_ids if states.get(run_id, {}).get(task_id) in ("failed", "upstream_failed")]


_offered = _offered_scenarios()

with DAG(
    dag_id="nightly_performance",
    description="Exercises the API endpoint by endpoint and says whether it is still good enough",
    doc_md=Path(__file__).with_suffix(".md").read_text(encoding="utf-8"),
    # The very first night is the coming one: a DAG that has just been deployed does not exercise the API by day.
    schedule=CronTriggerTimetable("0 2 * * *", timezone="UTC", run_immediately=timedelta(minutes=10)),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    dagrun_timeout=timedelta(hours=12),
    default_args={"execution_timeout": timedelta(hours=4)},
    tags=["performance"],
    params={
        "scenarios": Param(
            [],
            type=["array", "null"],
            items={"type": "string"},
            examples=_offered,
            title="Scenarios",
            description="Which scenarios to measure; none chosen means all.",
        ),
        "target": Param(
            None,
            type=["string", "null"],
            title="Target",
            description="Address of the API, such as http://127.0.0.1:8000; empty means that of the connection "
            f"{TARGET_CONNECTION}. The connection's token is only sent to the connection's own address.",
        ),
        "reference": Param(
            None,
            type=["string", "null"],
            title="Reference",
            description="Address of the approved build, which stands beside the target: both are driven in turn and "
            f"their ratio is judged; empty means that of the connection {REFERENCE_CONNECTION}, else none.",
        ),
        "load_factor": Param(
            1.0,
            type="number",
            minimum=0.1,
            maximum=20,
            title="Load factor",
            description="Multiplies the load of every scenario: 2 means twice as much. Runs of different load are "
            "not compared.",
        ),
        "processes": Param(
            None,
            type=["integer", "null"],
            minimum=1,
            title="Processes",
            description="Over how many processes the load of each scenario is shared, where one core can't make it; "
            "empty means LOADTASKS_PROCESSES, else 1.",
        ),
    },
) as nightly_performance:
    # Measurements may fail and the run goes on; so may the opening, when the target is down: that must be told too.
    looked_at = suspects()
    measure.expand(scenario=open_run()) >> looked_at
    measure_again.expand(scenario=looked_at) >> judge() >> compare() >> report() >> alert() >> verdict()
