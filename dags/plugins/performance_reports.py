"""The reports in the Airflow UI: `Reports` in the menu, and the tab `Report` of every run of the DAG.

Whoever may read the DAG in Airflow may read its reports; Airflow's own log-in decides.
"""

import html
from pathlib import Path

from airflow.api_fastapi.app import get_cookie_path
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.plugins_manager import AirflowPlugin
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from loadtasks.results.run import run_id_from
from loadtasks.settings import read_settings
from loadtasks.workspace import Workspace

PREFIX = "/performance-reports"
DAG_ID = "nightly_performance"

# Reports quote what an API answered, and are shown within the UI: nothing in them may act for the reader. Data Docs are
# made by scripts from elsewhere, so they are given an origin of their own.
_SAFE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
REPORT_HEADERS = _SAFE | {
    "Content-Security-Policy": "default-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'none'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'",
}
DATA_DOCS_HEADERS = _SAFE | {"Content-Security-Policy": "sandbox allow-scripts allow-popups"}

app = FastAPI(
    title="Performance reports",
    dependencies=[Depends(requires_access_dag(method="GET", param_dag_id=DAG_ID))],
    openapi_url=None,
)


@app.get("/")
def runs() -> HTMLResponse:
    """Every run that has a report, the newest first."""
    reports = Workspace.from_settings(read_settings()).reports
    found = [path.parent for path in reports.glob("*/index.html") if not path.parent.is_symlink()]
    found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    rows = "".join(f'<li><a href="{html.escape(each.name)}/">{html.escape(each.name)}</a></li>' for each in found)
    return _page("Performance reports", f"<ol reversed>{rows}</ol>" if rows else "<p>No run has a report yet.</p>")


@app.get("/of")
def of(request: Request, dag_run_id: str) -> Response:
    """The report of a run of the DAG."""
    run_id = run_id_from(dag_run_id)
    if not run_id or not _file(f"{run_id}/index.html"):
        return _page("No report", "<p>This run has no report (yet).</p>")
    return RedirectResponse(f"{request.scope.get('root_path', '')}/{run_id}/")


@app.get("/{path:path}")
def file(request: Request, path: str) -> Response:
    """A file of a report, Data Docs among them."""
    found = _file(path)
    if found is None and _file(f"{path}/index.html"):
        if not path.endswith("/"):
            return RedirectResponse(f"{request.scope.get('root_path', '')}/{path}/")
        found = _file(f"{path}/index.html")
    if found is None:
        raise HTTPException(404, "There is no such report.")
    return FileResponse(found, headers=DATA_DOCS_HEADERS if "data_docs" in found.parts else REPORT_HEADERS)


def _file(path: str) -> Path | None:
    """A file within the reports folder, wherever links lead; None when it is none, or somewhere else."""
    reports = Workspace.from_settings(read_settings()).reports.resolve()
    try:
        found = (reports / path.strip("/")).resolve()
        return found if found.is_file() and found.is_relative_to(reports) else None
    except (OSError, ValueError):
        return None


def _page(title: str, body: str) -> HTMLResponse:
    style = "body{font:16px system-ui,sans-serif;margin:2rem;line-height:1.6}"
    return HTMLResponse(
        f"<!doctype html><meta charset=utf-8><title>{title}</title><style>{style}</style><h1>{title}</h1>{body}",
        headers=REPORT_HEADERS,
    )


class PerformanceReports(AirflowPlugin):
    """What Airflow finds."""

    name = "performance_reports"
    fastapi_apps = [{"app": app, "url_prefix": PREFIX, "name": "Performance reports"}]  # noqa: RUF012 - as Airflow declares it
    external_views = [  # noqa: RUF012
        {
            "name": "Reports",
            "href": f"{get_cookie_path().rstrip('/')}{PREFIX}/",
            "destination": "nav",
            "url_route": "performance-reports-list",
        },
        {
            "name": "Report",
            "href": f"{get_cookie_path().rstrip('/')}{PREFIX}/of?dag_run_id={{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "performance-report",
        },
    ]
