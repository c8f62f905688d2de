"""The pages that only show something."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query, Request, status
from fastapi.responses import HTMLResponse, Response

from loadtasks import steps
from loadtasks.airflow.names import run_id_of
from loadtasks.airflow.pages.access import ReaderDep
from loadtasks.airflow.pages.responses import CHARTS_SCRIPT, page, to_page
from loadtasks.report.charts import sparkline
from loadtasks.report.decisions import notice_of
from loadtasks.report.pages.overview import COLUMNS, sort_rows, sort_services

router = APIRouter()
_REGRESSION_RUNS = 60
"""How many of the newest runs the page of a regression draws."""
_LENGTHS = (30, 60, 90)
"""How many runs the overview may show."""


@router.get("/")
def show_overview(
    request: Request, reader: ReaderDep, service: str = "", last: Annotated[int, Query(ge=1)] = _LENGTHS[0]
) -> HTMLResponse:
    """Whether anything is wrong, in all services or in one."""
    chosen = reader.chosen(service)
    last = min((length for length in _LENGTHS if length >= last), default=_LENGTHS[-1])
    decidable = reader.decidable()
    found = sort_services(steps.overview(reader.context, chosen, last))
    triggerable = {name for name in chosen if reader.may_trigger(name)}
    rows = sort_rows(row for one in found for row in one.rows)
    return page(
        request,
        reader,
        "overview.html",
        services=found,
        triggerable=triggerable,
        regressions=steps.listed_regressions(reader.context, chosen, ended=False, decidable=decidable),
        rows=rows,
        columns=COLUMNS,
        verdicts=sorted({row.state.word for row in rows}),
        endpoints=sorted({row.endpoint for row in rows}),
        all_services=sorted(reader.services),
        chosen=service,
        last=last,
        lengths=_LENGTHS,
        sparkline=sparkline.svg,
    )


@router.get("/of")
def redirect_from_airflow(request: Request, reader: ReaderDep, dag_id: str, dag_run_id: str = "") -> Response:
    """From a DAG, a DAG run or a task in Airflow's UI to its page here."""
    reader.check_reads_dag(dag_id)
    if dag_run_id:
        asked = urlencode({"dag_id": dag_id, "dag_run_id": dag_run_id})  # for one that has not been opened
        return to_page(request, f"/runs/{run_id_of(dag_id, dag_run_id)}?{asked}")
    own = [service for service, dag_ids in reader.services.items() if dag_id in dag_ids]
    if not own:
        raise HTTPException(
            status.HTTP_404_NOT_FOUND, f"The DAG {dag_id} has made no run of the performance pipeline so far."
        )
    return show_overview(request, reader, own[0] if len(own) == 1 else "")


@router.get("/started")
def show_started(request: Request, reader: ReaderDep, dag_id: str, dag_run_id: str) -> HTMLResponse:
    """That a run was started, and where it is seen."""
    reader.check_reads_dag(dag_id)
    run_id = run_id_of(dag_id, dag_run_id)
    return page(request, reader, "started.html", dag_id=dag_id, dag_run_id=dag_run_id, run_id=run_id)


@router.get("/regressions")
def show_regressions(request: Request, reader: ReaderDep, service: str = "", ended: str = "") -> HTMLResponse:
    """The regressions that people may decide about, or all."""
    chosen = reader.chosen(service)
    found = steps.listed_regressions(reader.context, chosen, ended=bool(ended), decidable=reader.decidable())
    return page(
        request,
        reader,
        "regressions.html",
        regressions=found,
        ended=bool(ended),
        all_services=sorted(reader.services),
        chosen=service,
    )


@router.get("/regressions/{number}")
def show_regression(request: Request, reader: ReaderDep, number: int, done: str = "") -> HTMLResponse:
    """Everything that is known of one regression."""
    service = steps.service_of_regression(reader.context, number)
    reader.check_reads(service)
    shown = steps.regression_page(reader.context, number, may_decide=reader.may_decide(service))
    first = shown.one.first
    choice = steps.ScenarioChoice(service, first.scenario, first.part, first.changes[0].metric, _REGRESSION_RUNS)
    return page(
        request,
        reader,
        "regression.html",
        one=shown.one,
        causes=shown.causes,
        shape=shown.shape,
        moves=shown.moves,
        history=steps.scenario_history(reader.context, choice),
        script=CHARTS_SCRIPT,
        notice=notice_of(done),
    )
