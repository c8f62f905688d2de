"""The pages of scenarios and runs: one scenario over runs, one run, the list of runs, and two runs side by side."""

from datetime import UTC, date, datetime, time
from typing import Annotated
from urllib.parse import urlencode

from airflow.models.dagrun import DagRun
from fastapi import APIRouter, HTTPException, Query, Request, status
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, Field

from loadtasks import steps
from loadtasks.airflow.names import run_id_of
from loadtasks.airflow.pages.access import Reader, ReaderDep
from loadtasks.airflow.pages.responses import CHARTS_SCRIPT, page
from loadtasks.measurement.pruned_histogram import PrunedHistogram
from loadtasks.report.charts import browser, latency
from loadtasks.report.decisions import notice_of
from loadtasks.report.html import Section, capacity
from loadtasks.report.pages.comparison import COLUMNS, REFERENCE
from loadtasks.report.pages.scenario import MAX_RUNS, RANGES
from loadtasks.report.pages.scenario_history import CHOICES
from loadtasks.report.table import RUN_METRICS
from loadtasks.results.document import ResultsDocument
from loadtasks.results.judgement import Verdict
from loadtasks.steps import ScenarioChoice

router = APIRouter()
_NO_RUN = "There is no such run here: it was deleted, it was never opened, or you may not read its DAG."
_GOING_ON = ("queued", "running", "scheduled")
_APPROVED = "Approved: later runs are compared with the runs since this one."


class ScenarioQuery(BaseModel):
    """What the address of a scenario's page says."""

    service: str
    scenario: str
    part: str = ""
    metric: str = "p95_s"
    range: str = "90"
    versions: str = "on"
    run: str = ""
    done: str = ""


class CompareQuery(BaseModel):
    """What the address of the page of two runs says."""

    run: str = ""
    other: str = Field("", alias="with")
    service: str = ""
    scenario: str = ""
    part: str = ""
    day: str = ""
    with_day: str = ""


class RunQuery(BaseModel):
    """What the address of a run's page says."""

    done: str = ""
    dag_id: str = ""
    dag_run_id: str = ""


@router.get("/scenario")
def show_scenario(request: Request, reader: ReaderDep, asked: Annotated[ScenarioQuery, Query()]) -> HTMLResponse:
    """What happened to a scenario, and when."""
    reader.check_reads(asked.service)
    metric = asked.metric if asked.metric in CHOICES else "p95_s"
    length = asked.range if asked.range in RANGES else "90"
    shown = int(length) if length.isdecimal() else MAX_RUNS
    choice = ScenarioChoice(asked.service, asked.scenario, asked.part, metric, shown, asked.run)
    found = steps.scenario_page(reader.context, choice, may_decide=reader.may_decide(asked.service))
    kept = asked.model_dump(include={"service", "scenario", "part", "run"}) | {"metric": metric, "range": length}
    return page(
        request,
        reader,
        "scenario.html",
        shown=found,
        others=[] if found.history.runs else steps.scenarios_of(reader.context, asked.service),
        metrics=CHOICES,
        ranges=RANGES,
        range=length,
        versions="off" if asked.versions == "off" else "on",
        run_id=asked.run,
        own_query=urlencode({name: value for name, value in kept.items() if value}),
        notice=notice_of(asked.done),
        script=CHARTS_SCRIPT,
    )


@router.get("/runs")
def list_runs(
    request: Request, reader: ReaderDep, service: str = "", number: Annotated[int, Query(ge=1, alias="page")] = 1
) -> HTMLResponse:
    """The runs, newest first."""
    chosen = reader.chosen(service)
    runs, pages = steps.listed_runs(reader.context, chosen, number)
    return page(
        request,
        reader,
        "runs.html",
        runs=runs,
        open_runs={one.run.id for one in runs if one.verdict is None and _goes_on(one.run.dag_id, one.run.dag_run_id)},
        page=min(number, pages),
        pages=pages,
        all_services=sorted(reader.services),
        chosen=service,
    )


@router.get("/runs/{run_id}")
def show_run(request: Request, reader: ReaderDep, run_id: str, asked: Annotated[RunQuery, Query()]) -> Response:
    """What a run found; while it goes on, what is there so far."""
    listed = steps.find_listed_run(reader.context, run_id)
    if listed is None:
        return _unopened(request, reader, run_id, asked)
    run = listed.run
    reader.check_reads(run.service, _NO_RUN)
    shown = steps.run_page(reader.context, run_id)
    may_decide = reader.may_decide(run.service)
    results = shown.document.scenarios
    valid = [one.scenario for one in results if one.measurements and one.verdict is not Verdict.INVALID]
    return page(
        request,
        reader,
        "run.html",
        shown=shown,
        running=shown.may_be_running and _goes_on(run.dag_id, run.dag_run_id),
        columns=RUN_METRICS,
        may_decide=may_decide,
        approvable=valid if shown.is_judged else [],
        may_trigger=reader.may_trigger(run.service),
        notice=_APPROVED if asked.done == "approve" else "",
        script=CHARTS_SCRIPT,
    )


@router.get("/runs/{run_id}/scenario")
def show_scenario_of_run(request: Request, reader: ReaderDep, run_id: str, name: str) -> HTMLResponse:
    """One scenario of a run: the piece of its page that is loaded when it is opened."""
    listed = steps.find_listed_run(reader.context, run_id)
    if listed is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, _NO_RUN)
    reader.check_reads(listed.run.service, _NO_RUN)
    result = steps.run_scenario(reader.context, run_id, name)
    if result is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "The run has no such scenario.")
    pruned = any(isinstance(one.response, PrunedHistogram) for one in result.measurements)
    return page(
        request,
        reader,
        "run_scenario.html",
        run=listed.run,
        document=ResultsDocument(run=listed.run, verdict=result.verdict, scenarios=[result]),
        section=Section(result),
        distribution=None if pruned else latency.latency_chart(result),
        pruned=pruned,
        capacity=capacity,
    )


@router.get("/compare")
def show_comparison(request: Request, reader: ReaderDep, asked: Annotated[CompareQuery, Query()]) -> HTMLResponse:
    """Two runs side by side."""
    found, empty = None, "No run yet. Trigger the DAG nightly_performance in Airflow twice, or run make nightly twice."
    service = _service(reader, asked.run, asked.service)
    if service:
        run = _on_day(reader, service, asked.day) or asked.run
        other = _on_day(reader, service, asked.with_day) or asked.other
        pair = (run, other) if run and other else steps.default_pair(reader.context, service, run)
        if pair is None:
            empty = f"{service} has fewer than two runs so far; a comparison takes two."
        else:
            if pair[1] != REFERENCE:
                _service(reader, pair[1], "")  # whose runs the reader may see as well
            found = steps.compare_page(reader.context, *pair, asked.scenario, asked.part)
    return page(
        request,
        reader,
        "compare.html",
        shown=found,
        empty=empty,
        all_services=sorted(reader.services),
        chosen_service=service,
        columns=COLUMNS,
        script=CHARTS_SCRIPT,
    )


@router.get("/script/{name}")
def serve_charts_script(reader: ReaderDep, name: str) -> Response:
    """The libraries that draw charts in the reader's browser."""
    if name != CHARTS_SCRIPT:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such script; reload the page.")
    made = browser.bundle(reader.context.workspace.var / "cache")
    kept = {"Cache-Control": "private, max-age=604800", "X-Content-Type-Options": "nosniff"}
    return Response(made.content, media_type="text/javascript", headers=kept)


def _service(reader: Reader, run_id: str, service: str) -> str:
    """The service of a run; without a run the one named, else the one of the newest run, else none."""
    if run_id:
        listed = steps.find_listed_run(reader.context, run_id)
        found = listed.run.service if listed is not None else ""
        reader.check_reads(found, _NO_RUN)
        return found
    if service:
        reader.check_reads(service)
        return service
    return next(iter(reader.services), "")


def _on_day(reader: Reader, service: str, day: str) -> str | None:
    """The last run of a service until a day as browsers send it; None where there is no such day."""
    try:
        midnight = datetime.combine(date.fromisoformat(day), time(), UTC)
    except ValueError:
        return None
    return steps.run_on(reader.context, service, midnight)


def _state(dag_id: str | None, dag_run_id: str | None) -> str | None:
    """The state of a DAG run in Airflow; None where Airflow doesn't know it."""
    if not dag_id or not dag_run_id:
        return None
    found = DagRun.find(dag_id=dag_id, run_id=dag_run_id)
    return str(found[0].state) if found else None


def _goes_on(dag_id: str | None, dag_run_id: str | None) -> bool:
    """Whether a run that has not ended may still go on: Airflow says so, or didn't start it."""
    return not dag_run_id or _state(dag_id, dag_run_id) in _GOING_ON


def _unopened(request: Request, reader: Reader, run_id: str, asked: RunQuery) -> Response:
    """The page of a run that Airflow knows and the results database doesn't."""
    dag_id, dag_run_id = asked.dag_id, asked.dag_run_id
    own = dag_id and dag_run_id and run_id_of(dag_id, dag_run_id) == run_id and reader.may_read(dag_id)
    state = _state(dag_id, dag_run_id) if own else None
    if state is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, _NO_RUN)
    waiting = state in _GOING_ON
    if waiting:
        heading = "This run has not been opened yet"
        text = (
            "Airflow has it queued: where another run of the service is under way, it waits for that one."
            if state == "queued"
            else "Its first task checks the target and opens the run."
        ) + " This page shows it as soon as it is there."
    elif state == "failed":
        heading = "This run was never opened"
        reason = steps.refusal_of(reader.context, run_id).rstrip(".")
        text = f"Nothing was measured: {reason or 'the log of its first task says why'}."
    else:
        heading = "Nothing is kept of this run"
        text = "Its DAG run has ended, and the results database has no run of it: it was deleted, or never opened."
    return page(
        request,
        reader,
        "unopened.html",
        heading=heading,
        text=text,
        waiting=waiting,
        dag_id=dag_id,
        dag_run_id=dag_run_id,
    )
