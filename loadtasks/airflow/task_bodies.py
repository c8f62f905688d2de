"""What each task does: call one function of `loadtasks.steps` with what Airflow knows.

All of this can be done without Airflow by `python -m loadtasks`. Importing this module imports the whole pipeline, so
`tasks` imports it when a task runs.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.sdk.log import mask_secret

from loadtasks import steps
from loadtasks.airflow.asking import ask_people
from loadtasks.airflow.connections import performance_reference, performance_service, performance_target
from loadtasks.airflow.dag_runs import run_id_of
from loadtasks.airflow.notifications import mail_server, mail_settings
from loadtasks.airflow.trigger_keys import check_trigger
from loadtasks.errors import BadInputError, LoadTasksError
from loadtasks.interruption import interrupted_by_signals
from loadtasks.report.repetitions import render_repetitions_due
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.settings import read_settings
from loadtasks.steps import RefusedRun, RunContext

log = logging.getLogger(__name__)

STEPS_BEFORE_THE_VERDICT = ("judge", "compare", "report")
_REFUSAL = "refusal"
"""XCom key: the sentence that says why the run could not be opened."""


def open_run(service: str | None) -> list[str]:
    """Check suites, scenarios and target, and open the run, of a service that the DAG may name.

    It fails where no scenario can be measured; the run is judged, reported and mailed all the same.

    Returns:
        The scenarios of the run.
    """
    context = get_current_context()
    params = context["params"]
    with _failing_in_one_sentence():
        try:
            conf = cast("Mapping[str, Any] | None", context["dag_run"].conf)
            check_trigger(conf, context["dag"].params, params)
            exercising = _exercising(service)
            against = f" against the reference {exercising.reference.url}" if exercising.reference else ""
            log.info("Run %s of %s exercises %s%s", _run_id(), exercising.service, exercising.target.url, against)
            run = steps.open_run(
                exercising,
                scenarios=params["scenarios"] or None,
                load_factor=params["load_factor"],
                trigger="scheduled" if str(context["run_id"]).startswith("scheduled") else "manual",
                run_id=_run_id(),
            )
        except LoadTasksError as error:
            # There is no run to report: of a bad suite, for instance, this sentence is all there is.
            context["ti"].xcom_push(key=_REFUSAL, value=str(error))
            raise
        steps.check_measurable(exercising, run.id)
    return list(run.scenarios)


def measure(scenario: str) -> None:
    """Exercise one scenario and keep its measurement.

    Raises:
        AirflowSkipException: the target refused the scenario when the run was opened.
    """
    with _failing_in_one_sentence(), interrupted_by_signals():  # Airflow ends a task by SIGTERM
        if refusal := steps.refusals(_stored(), _run_id()).get(scenario):
            raise AirflowSkipException(f"{scenario} is not measured: {refusal}. Then clear open_run.")
        steps.measure(_exercising(), _run_id(), scenario)


def repetitions_due() -> list[str]:
    """Return the scenarios that are due for more repetitions, or for a first measurement.

    What somebody has skipped, or marked as done, in the UI is left out.

    Raises:
        AirflowSkipException: the run was never opened.
    """
    if _refusal():
        raise AirflowSkipException("The run was never opened.")
    with _failing_in_one_sentence():
        left_out = _left_out_by_hand()
        due = {
            scenario: reason
            for scenario, reason in steps.repetitions_due(_exercising(), _run_id()).items()
            if scenario not in left_out or reason is not RepetitionReason.MISSING
        }
    for line in render_repetitions_due(due):
        log.info("%s", line)
    return list(due)


def confirm(scenario: str) -> None:
    """Repeat the measurement of one scenario and choose the repetition to report."""
    with _failing_in_one_sentence(), interrupted_by_signals():
        steps.confirm(_exercising(), _run_id(), scenario)


def judge() -> None:
    """Judge validity and targets of each measurement.

    Raises:
        AirflowSkipException: the run was never opened.
    """
    if _refusal():
        raise AirflowSkipException("The run was never opened.")
    with _failing_in_one_sentence():
        steps.judge(_stored(), _run_id())


def compare(triage: str) -> None:
    """Compare each scenario with the reference or with its baseline, and have people asked about regressions."""
    with _failing_in_one_sentence():
        steps.compare(_stored(), _run_id())
    ask_people(_stored(), _run_id(), triage)


def report() -> None:
    """Write the report, and prune old runs where a setting says so."""
    with _failing_in_one_sentence():
        log.info("Report: %s", steps.write_report(_stored(), _run_id()) / "index.html")
        steps.prune_after(_stored(), _run_id())


def alert(service: str | None) -> None:
    """Tell people what is new in the run, or that it was never opened; the DAG may name the service.

    Raises:
        AirflowFailException: a mail could not be sent; it is pending, and the next run sends it.
    """
    with _failing_in_one_sentence():
        stored, deliver = _masked(RunContext.from_settings(read_settings(**mail_settings()))), mail_server()
        if refusal := _refusal():
            refused = RefusedRun(_run_id(), _refused_service(service), refusal)
            where = steps.alert_refusal(stored, refused, deliver)
        else:
            where = steps.alert(stored, _run_id(), deliver)
    log.info("The mail of this run went to %s", where) if where else log.info("There is nothing new: no mail")


def verdict() -> None:
    """Fail the DAG run when the verdict is not good or an earlier step failed."""
    with _failing_in_one_sentence():
        if refusal := _refusal():
            raise BadInputError(f"Nothing was measured: {refusal}")
        reached = steps.conclude(_stored(), _run_id())
        if failed := _failed(STEPS_BEFORE_THE_VERDICT):
            raise LoadTasksError(
                f"{', '.join(failed)} failed, so the verdict {reached} of run {_run_id()} is incomplete. The log of "
                f"{failed[0]} says why: fix the cause, then clear that task to run it again."
            )
        if not reached.good:
            raise LoadTasksError(f"The verdict of run {_run_id()} is {reached}; the report says what and why.")
        if _failed(("alert",)):
            log.warning("The mail of run %s could not be sent; the log of alert says what becomes of it", _run_id())
    log.info("The verdict of run %s is %s", _run_id(), reached)


def _stored() -> RunContext:
    """The context of a task that works on what is stored."""
    return _masked(RunContext.from_settings(read_settings()))


def _exercising(service: str | None = None) -> RunContext:
    """The context of a task that sends load: from the trigger form, else from connections, else from settings."""
    context = get_current_context()
    params = context["params"]
    settings = read_settings(processes=params["processes"])
    target = performance_target(settings, params["target"])
    reference = performance_reference(settings, target, params["reference"])
    name = performance_service(settings, target, params["service"], service)
    return _masked(
        replace(
            RunContext.from_settings(settings),
            target=target,
            reference=reference,
            service=name,
            dag_id=context["dag"].dag_id,
            dag_run_id=str(context["run_id"]),
        )
    )


def _masked(context: RunContext) -> RunContext:
    """The context, its secrets made known to Airflow, which keeps them out of its logs."""
    for secret in context.secrets:
        mask_secret(secret)
    return context


def _run_id() -> str:
    """The run that this DAG run makes: the same for a retried or cleared task."""
    context = get_current_context()
    return run_id_of(context["dag"].dag_id, str(context["run_id"]))


@contextmanager
def _failing_in_one_sentence() -> Iterator[None]:
    """Turn an error that a person has to fix into a failed task, without retries, with that one sentence."""
    try:
        yield
    except LoadTasksError as error:
        log.error("%s", error)  # noqa: TRY400 - a traceback adds nothing to the sentence
        raise AirflowFailException(str(error)) from None


def _refusal() -> str | None:
    """Why there is no run at all; None when there is one."""
    pull = get_current_context()["ti"].xcom_pull
    if pull(task_ids="open_run") is not None:
        return None
    try:
        steps.conclude(_stored(), _run_id())
    except LoadTasksError:
        return str(pull(task_ids="open_run", key=_REFUSAL) or "open_run did not finish; its log says why")
    return None


def _refused_service(service: str | None) -> str | None:
    """The service of a run that could not be opened; None where its name or its address is what is wrong."""
    try:
        return _exercising(service).service
    except LoadTasksError:
        return None


def _failed(task_ids: Sequence[str]) -> list[str]:
    """Which of these tasks failed in this DAG run, in their order."""
    states = _states(task_ids)
    return [task_id for task_id in task_ids if states.get(task_id) in ("failed", "upstream_failed")]


def _left_out_by_hand() -> set[str]:
    """The scenarios whose `measure` ended well or was skipped."""
    planned = get_current_context()["ti"].xcom_pull(task_ids="open_run") or []
    states = _states(["measure"])
    return {
        scenario
        for index, scenario in enumerate(cast("Iterable[str]", planned))
        if states.get(f"measure_{index}") in ("success", "skipped")
    }


def _states(task_ids: Sequence[str]) -> dict[str, str]:
    """The states of tasks in this DAG run, by their id; of a mapped task by id and index, such as `measure_0`."""
    context = get_current_context()
    run_id = str(context["run_id"])
    states = context["ti"].get_task_states(context["dag"].dag_id, task_ids=list(task_ids), run_ids=[run_id])
    return dict(states.get(run_id, {}))
