"""The forms: decisions about regressions, a baseline run, and a run that somebody starts."""

from contextlib import suppress
from urllib.parse import urlencode

from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dagrun import DagRun
from airflow.sdk.exceptions import AirflowException
from airflow.utils.types import DagRunTriggeredByType
from fastapi import APIRouter, HTTPException, Request, status
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from loadtasks import steps
from loadtasks.airflow.pages.access import Reader, ReaderDep
from loadtasks.airflow.pages.forms import read_form
from loadtasks.airflow.pages.responses import to_page
from loadtasks.airflow.required_actions import resolve_decided
from loadtasks.report.decisions import choice_named
from loadtasks.results.regression import MovePlace

router = APIRouter()
_MAX_WHY = 1000
"""Characters of a reason."""
_PAGES = ("/", "/regressions")
"""Where a form may lead back to, besides the page of what it is about."""
_SCENARIO = "/scenario?"
"""The page of any scenario, where it may lead back to as well."""


@router.post("/regressions/{number}/decide")
async def decide(request: Request, reader: ReaderDep, number: int) -> Response:
    """Acknowledge, accept, fix, dismiss or reopen a regression."""
    fields = await read_form(request, reader.user.get_id())
    decision = choice_named(fields.get("decision", ""))
    if decision is None:
        raise HTTPException(status.HTTP_400_BAD_REQUEST, "The form names no decision.")
    why = _reason(fields)

    def move() -> None:
        reader.check_decides(steps.service_of_regression(reader.context, number))
        steps.move_regression(reader.context, number, decision.state, who=reader.name, why=why, place=MovePlace.PAGE)
        resolve_decided([number])

    await run_in_threadpool(move)
    back = fields.get("back", "")
    if back.startswith(_SCENARIO) and back.isprintable():
        return to_page(request, f"{back}&done={decision.name}")
    return to_page(request, back if back in _PAGES else f"/regressions/{number}?done={decision.name}")


@router.post("/runs/{run_id}/approve")
async def approve(request: Request, reader: ReaderDep, run_id: str) -> Response:
    """Make a run the baseline run of its scenarios, or of one."""
    fields = await read_form(request, reader.user.get_id())
    scenario = fields.get("scenario", "")

    def give() -> None:
        reader.check_decides(steps.service_of_run(reader.context, run_id))
        steps.approve(
            reader.context, run_id, who=reader.name, why=_reason(fields), scenarios=[scenario] if scenario else None
        )

    await run_in_threadpool(give)
    return to_page(request, f"/runs/{run_id}?done=approve")


@router.post("/run-again")
async def run_again(request: Request, reader: ReaderDep) -> Response:
    """Start a run of a service, with what its last run in Airflow was triggered with."""
    fields = await read_form(request, reader.user.get_id())
    dag_id, run_id = await run_in_threadpool(_start, reader, fields.get("service", ""))
    return to_page(request, f"/started?{urlencode({'dag_id': dag_id, 'dag_run_id': run_id})}")


def _start(reader: Reader, service: str) -> tuple[str, str]:
    """Trigger the DAG that made the newest run of a service. Returns the ids of the DAG and of the DAG run."""
    reader.check_reads(service)
    dag_ids = reader.triggerable(service)
    if not dag_ids:
        raise HTTPException(
            status.HTTP_403_FORBIDDEN, f"You may not start a run of {service}: that needs the right to trigger its DAG."
        )
    last = steps.last_dag_run(reader.context, service, dag_ids)
    dag_id = last.dag_id if last is not None and last.dag_id else dag_ids[0]
    conf = None
    if last is not None and last.dag_run_id:
        with suppress(IndexError):  # Airflow may have forgotten that DAG run
            conf = DagRun.find(dag_id=dag_id, run_id=last.dag_run_id)[0].conf
    try:
        made = trigger_dag(
            dag_id, triggered_by=DagRunTriggeredByType.UI, triggering_user_name=reader.name, conf=conf or {}
        )
    except (AirflowException, ValueError) as error:
        raise HTTPException(status.HTTP_409_CONFLICT, f"No run was started: {error}") from error
    if made is None:
        raise HTTPException(status.HTTP_409_CONFLICT, f"No run was started: Airflow made none of the DAG {dag_id}.")
    return dag_id, str(made.run_id)


def _reason(fields: dict[str, str]) -> str:
    why = fields.get("why", "").strip()
    if len(why) > _MAX_WHY:
        raise HTTPException(
            status.HTTP_400_BAD_REQUEST, f"The reason has {len(why)} characters; write at most {_MAX_WHY}."
        )
    return why
