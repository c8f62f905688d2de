"""Required actions of Airflow that end because a regression was decided elsewhere.

This runs in the API server, which shows the actions and records responses to them in the same way
(airflow/api_fastapi/core_api/routes/public/hitl.py): a response is written, and the waiting task goes on. A task that
looked by itself would start a process every few minutes for each action, next to the measurements; and a trigger needs
the triggerer, a process that nothing else here needs.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from uuid import UUID

from airflow.models.hitl import HITLDetail, HITLUser
from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import handle_event_submit
from airflow.sdk import timezone
from airflow.triggers.base import TriggerEvent
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select
from sqlalchemy.orm import joinedload

if TYPE_CHECKING:
    from fastapi import FastAPI
    from sqlalchemy.orm import Session

    from loadtasks.report.required_action import ActionOutcome

log = logging.getLogger(__name__)

INTERVAL_S = 10
"""How long after a decision on the command line its required action ends, at most."""
_OPERATOR = "RegressionDecision"
_WAITING = (TaskInstanceState.AWAITING_INPUT, TaskInstanceState.DEFERRED)


@asynccontextmanager
async def resolving(_: "FastAPI") -> AsyncIterator[None]:
    """The lifespan of a FastAPI app in the API server: meanwhile, actions end that were decided elsewhere."""
    task = asyncio.create_task(_keep_resolving())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def resolve_decided(numbers: Collection[int] | None = None) -> int:
    """End the required actions of regressions about which nobody has to decide any more.

    Args:
        numbers: the ids of these regressions only; all when None.

    Returns:
        How many have ended.

    Raises:
        BadInputError: the results database can't be read.
    """
    with create_session() as session:
        waiting = _waiting(session)
    if numbers is not None:
        waiting = {task: number for task, number in waiting.items() if number in numbers}
    if not waiting:
        return 0
    from loadtasks import steps  # noqa: PLC0415 - where nothing waits, nothing is read
    from loadtasks.airflow.airflow_settings import airflow_settings  # noqa: PLC0415

    stored = steps.RunContext.from_settings(airflow_settings())
    outcomes = {one.number: one for one in steps.action_outcomes(stored, set(waiting.values()))}
    ended = 0
    for task, number in waiting.items():
        if number in outcomes:
            with create_session() as session:
                ended += _resolve(session, task, outcomes[number])
    return ended


def _waiting(session: "Session") -> dict[UUID, int]:
    """By the id of each task that waits for a decision the regression that it is about."""
    query = (
        select(TaskInstance)
        .join(HITLDetail, HITLDetail.ti_id == TaskInstance.id)
        .where(
            TaskInstance.state.in_(_WAITING),
            TaskInstance.operator == _OPERATOR,
            HITLDetail.responded_at.is_(None),
        )
        .options(joinedload(TaskInstance.dag_run))
    )
    tasks = {task.id: (task.dag_run.conf or {}).get("regression") for task in session.scalars(query)}
    return {task: number for task, number in tasks.items() if isinstance(number, int)}


def _resolve(session: "Session", task_id: UUID, outcome: "ActionOutcome") -> bool:
    """Record a decision as the response to an action, and let its task go on; False where somebody was quicker.

    Rows are locked in the order in which Airflow does so for a response.
    """
    task = session.get(TaskInstance, task_id, with_for_update={"of": TaskInstance}, populate_existing=True)
    query = select(HITLDetail).where(HITLDetail.ti_id == task_id).with_for_update(of=HITLDetail)
    detail = session.scalar(query.execution_options(populate_existing=True))
    if task is None or detail is None or detail.response_received or task.state not in _WAITING:
        return False
    detail.responded_by = HITLUser(id=outcome.who, name=outcome.who)
    detail.responded_at = timezone.utcnow()
    detail.chosen_options = [outcome.option]
    detail.params_input = {"reason": outcome.why}
    session.add(detail)
    event = TriggerEvent(detail.as_resume_event_payload())  # type: ignore[no-untyped-call]
    handle_event_submit(event, task_instance=task, session=session)
    log.info("The required action about regression %d ends: %s", outcome.number, outcome.sentence)
    return True


async def _keep_resolving() -> None:
    """Look every few seconds, whatever happens; what goes wrong is logged once."""
    said = ""
    while True:
        await asyncio.sleep(INTERVAL_S)
        try:
            await asyncio.to_thread(resolve_decided)
        except Exception as error:  # the API server has other things to do, and this is tried again
            if said != str(error):
                log.warning("Required actions can't be compared with the results database: %s", error)
            said = str(error)
        else:
            said = ""
