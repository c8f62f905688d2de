"""`RegressionDecision` asks a person about one regression, in Airflow's list of required actions.

The task waits in the state `awaiting_input`: it holds no process, no slot of a pool and no trigger, for months if need
be. It goes on when somebody responds there, or when `required_actions` finds that the regression was decided elsewhere.
Airflow imports this module when it parses the DAG file; what the task does imports the pipeline when it runs.
"""
# ruff: noqa: PLC0415 - see above

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param

from loadtasks.airflow.names import pages_path
from loadtasks.airflow.task_failure import TaskFailure
from loadtasks.errors import LoadTasksError
from loadtasks.plain_text import plain

if TYPE_CHECKING:
    from airflow.sdk import Context

    from loadtasks.report.required_action import ActionOutcome
    from loadtasks.steps import RunContext

OPTIONS = ["acknowledge", "accept", "dismiss"]
REASON = "reason"
"""The field of the form."""
REGRESSION = "regression"
"""The parameter of the DAG run: the id of the regression."""
_MAX_REASON = 1_000


class RegressionDecision(HITLOperator):
    """Asks a person to acknowledge, accept or dismiss a regression, and decides so, with that person's name.

    Make it with `decision_task`.

    It returns what became of the regression, whoever decided: `{"regression": 7, "decision": "accept", "who": "ann",
    "why": "TLS"}`. Where a decision can't be kept, the task is tried again, and thereby asks again.
    """

    def execute(self, context: "Context") -> Any:
        """Ask, unless nobody has to decide any more."""
        from loadtasks import steps
        from loadtasks.report.required_action import RequiredAction, render_body, subject_line

        try:
            action = steps.required_action(_stored(), _number(context))
        except LoadTasksError as error:
            raise self._failure(error, str(error)) from None
        if not isinstance(action, RequiredAction):
            return self._ended(action)
        again = context["ti"].try_number > 1
        self.subject, self.body = subject_line(action), render_body(action, pages_path(), again=again)
        self.log.info("%s", self.subject)
        return super().execute(context)

    def execute_complete(self, context: "Context", event: dict[str, Any]) -> Any:
        """Do as the person has chosen; where the regression was decided elsewhere, say so and change nothing."""
        from loadtasks import steps

        chosen = [str(option) for option in event.get("chosen_options") or []]
        user = event.get("responded_by_user")
        who = str(user.get("name") or user.get("id")) if isinstance(user, Mapping) else "somebody"
        given = event.get("params_input")
        reason = given.get(REASON) if isinstance(given, Mapping) else None
        why = reason if isinstance(reason, str) else ""
        option = chosen[0] if chosen else ""
        self.log.info("%s: %s", plain(who), plain(f"{option}, {why}" if why else option))
        try:
            outcome = steps.apply_response(_stored(), _number(context), option, who=who, why=why)
        except LoadTasksError as error:
            raise self._failure(error, f"{str(error).rstrip('.')}. You are asked again.") from None
        return self._ended(outcome)

    def _failure(self, error: LoadTasksError, sentence: str) -> TaskFailure:
        self.log.error("%s", sentence)
        return TaskFailure(sentence, int(error.exit_code))

    def _ended(self, outcome: "ActionOutcome") -> dict[str, Any]:
        self.log.info("%s.", outcome.sentence[:1].upper() + outcome.sentence[1:])
        return {REGRESSION: outcome.number, "decision": outcome.option, "who": outcome.who, "why": outcome.why}


def decision_task() -> RegressionDecision:
    """The task that asks, of a DAG whose runs have the parameter `regression`."""
    reason = Param(
        "",
        type="string",
        maxLength=_MAX_REASON,
        title="Reason",
        description="Why; kept with your name, and shown wherever the regression is.",
    )
    return RegressionDecision(
        task_id="decide",
        subject="A regression",  # until it runs
        options=OPTIONS,
        params={REASON: reason},
        retries=5,  # each asks again
        retry_delay=timedelta(seconds=10),
    )


def _stored() -> "RunContext":
    """The context of a task that works on what is stored."""
    from loadtasks.airflow.airflow_settings import airflow_settings
    from loadtasks.steps import RunContext

    return RunContext.from_settings(airflow_settings())


def _number(context: "Context") -> int:
    return int(context["params"][REGRESSION])
