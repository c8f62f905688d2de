"""The web application of the pages, as Airflow mounts it below `/performance`."""

from fastapi import FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from starlette.staticfiles import StaticFiles

from loadtasks.airflow.pages import decisions, files, history_views, views
from loadtasks.airflow.pages.responses import error_page
from loadtasks.airflow.required_actions import resolving
from loadtasks.errors import LoadTasksError
from loadtasks.report.pages.frame import STATIC


def create_app() -> FastAPI:
    """The application with all of its routes."""
    made = FastAPI(title="Performance", openapi_url=None, lifespan=resolving)
    made.mount("/static", StaticFiles(directory=STATIC), name="static")
    for router in (views.router, history_views.router, decisions.router, files.router):
        made.include_router(router)
    for kind in (HTTPException, LoadTasksError, RequestValidationError):
        made.add_exception_handler(kind, error_page)
    return made
