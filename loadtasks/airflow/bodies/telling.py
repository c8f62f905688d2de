"""The last tasks: people get to know what is new, and the DAG run is red where the verdict is not good."""

import logging
from dataclasses import dataclass

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from loadtasks import steps
from loadtasks.airflow.airflow_settings import airflow_settings
from loadtasks.airflow.bodies.task_context import (
    NotOpened,
    NotOpenedKind,
    exercising,
    failed,
    failing_in_one_sentence,
    masked,
    not_opened,
    run_id,
    stored,
)
from loadtasks.airflow.dag_project import current_project
from loadtasks.airflow.names import pages_url
from loadtasks.airflow.notifications import mail_server, mail_settings
from loadtasks.airflow.task_failure import TaskFailure
from loadtasks.errors import ExitCode, LoadTasksError
from loadtasks.results.judgement import Verdict
from loadtasks.steps import OverdueRun, RefusedRun, RunContext

log = logging.getLogger(__name__)

STEPS_BEFORE_THE_VERDICT = ("judge", "compare", "report")
_RETURN_VALUE = "return_value"


@dataclass(frozen=True)
class Conclusion:
    """How a DAG run ends."""

    verdict: Verdict
    sentence: str
    exit_code: ExitCode = ExitCode.GOOD
    """That of the command line; the DAG run fails where it is another one."""
    is_made: bool = True
    """Whether there is a run; not where its time was over."""


def alert(service: str | None) -> None:
    """Tell people what is new in the run, or that there is none; the DAG may name the service.

    Raises:
        TaskFailure: a mail could not be sent; it is pending, and the next run sends it.
    """
    with failing_in_one_sentence():
        context, deliver = mailing(), mail_server()
        reason = not_opened()
        if reason is None:
            where = steps.alert(context, run_id(), deliver)
        elif reason.kind is NotOpenedKind.TOO_LATE:
            where = steps.alert_missed(context, _missed(service), deliver, reason=reason.reason)
        else:
            refused = RefusedRun(run_id(), _service_of_unopened(service), reason.reason)
            where = steps.alert_refusal(context, refused, deliver)
    log.info("The mail of this run went to %s", where) if where else log.info("There is nothing new: no mail")


def verdict() -> None:
    """Log the verdict's sentence, keep it as XCom, and fail the DAG run when it is not good or an earlier step failed.

    Raises:
        AirflowSkipException: the run was not made, since its time was over.
        TaskFailure: the verdict is not good.
    """
    with failing_in_one_sentence():
        conclusion = _conclude(not_opened())
    context = get_current_context()
    value = {"run_id": run_id(), "verdict": conclusion.verdict.value, "sentence": conclusion.sentence}
    context["ti"].xcom_push(key=_RETURN_VALUE, value=value)  # what a failing task returns would be lost
    steps.send_heartbeat(stored().settings)
    if not conclusion.is_made:
        raise AirflowSkipException(conclusion.sentence)
    if conclusion.exit_code is not ExitCode.GOOD:
        log.error("%s", conclusion.sentence)
        raise TaskFailure(conclusion.sentence, int(conclusion.exit_code))
    log.info("%s", conclusion.sentence)


def mailing() -> RunContext:
    """The context of a task that sends messages: Airflow's variable and connections go before the environment."""
    settings = airflow_settings(current_project(), **mail_settings())
    if settings.pages_url is None:
        settings = settings.model_copy(update={"pages_url": pages_url()})
    return masked(RunContext.from_settings(settings))


def _conclude(unopened: NotOpened | None) -> Conclusion:
    """How the DAG run ends.

    Raises:
        BadInputError: the run is gone.
    """
    if unopened is not None and unopened.kind is NotOpenedKind.TOO_LATE:
        return Conclusion(Verdict.INVALID, unopened.reason, is_made=False)
    if unopened is not None:
        return Conclusion(Verdict.INVALID, f"Nothing was measured: {unopened.reason}", ExitCode.BAD_INPUT)
    summary = steps.summarize(stored(), run_id())
    if broken := failed(STEPS_BEFORE_THE_VERDICT):
        return Conclusion(
            Verdict.INVALID,
            f"{', '.join(broken)} failed, so the verdict {summary.verdict} of run {run_id()} is incomplete. The log of "
            f"{broken[0]} says why: fix the cause, then clear that task to run it again.",
            ExitCode.INVALID,
        )
    if failed(("alert",)):
        log.warning("The mail of run %s could not be sent; the log of alert says what becomes of it", run_id())
    return Conclusion(summary.verdict, summary.sentence, summary.exit_code)


def _missed(service: str | None) -> OverdueRun:
    context = get_current_context()
    return OverdueRun(
        run_id=run_id(),
        service=_service_of_unopened(service),
        due=context["dag_run"].run_after,
        dag_id=context["dag"].dag_id,
    )


def _service_of_unopened(service: str | None) -> str | None:
    """The service of a run that was not opened; None where its name or its address is what is wrong."""
    try:
        return exercising(service).service
    except LoadTasksError:
        return None
