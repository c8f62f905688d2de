"""The reports in the Airflow UI: `Reports` in the menu, and the tab `Report` of every DAG run.

Whoever may read the DAG `nightly_performance` in Airflow may read the reports; Airflow's own log-in decides.
"""

import html
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.api_fastapi.app import get_cookie_path
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.plugins_manager import AirflowPlugin
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from loadtasks.airflow import DAG_ID
from loadtasks.settings import read_settings
from loadtasks.workspace import Workspace

if TYPE_CHECKING:
    from loadtasks.results.run import Run

PREFIX = "/performance-reports"

# Reports quote what an API responded, and are shown within the UI: nothing in them may act on the reader's behalf. Data
# Docs run third-party scripts, so the sandbox gives them an origin of their own.
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
def list_reports() -> HTMLResponse:
    """A page with a link to every report and the service that it is about, the newest run first."""
    from loadtasks.results.document import read_run  # noqa: PLC0415 - Airflow's processes all import plugins

    reports = Workspace.from_settings(read_settings()).reports
    folders = [path.parent for path in reports.glob("*/index.html") if not path.parent.is_symlink()]
    runs = {path.name: read_run(path / "results.json") for path in folders}
    newest_first = sorted(runs, key=lambda name: _place(name, runs[name]), reverse=True)
    rows = "".join(_row(name, runs[name]) for name in newest_first)
    return _page("Performance reports", f"<ol reversed>{rows}</ol>" if rows else "<p>No run has a report yet.</p>")


@app.get("/of")
def redirect_to_report(request: Request, dag_run_id: str) -> Response:
    """Redirect to the report of a DAG run, or show a page that says that it has none."""
    from loadtasks.airflow.dag_runs import run_id_of  # noqa: PLC0415 - Airflow's processes all import plugins

    run_id = run_id_of(DAG_ID, dag_run_id)
    if not run_id or not _file(f"{run_id}/index.html"):
        return _page("No report", "<p>This run has no report: it has not been written yet, or it was pruned.</p>")
    return RedirectResponse(f"{request.scope.get('root_path', '')}/{run_id}/")


@app.get("/{path:path}")
def serve_file(request: Request, path: str) -> Response:
    """A file of a report or of its Data Docs."""
    found = _file(path)
    if found is None and _file(f"{path}/index.html"):
        if not path.endswith("/"):
            return RedirectResponse(f"{request.scope.get('root_path', '')}/{path}/")
        found = _file(f"{path}/index.html")
    if found is None:
        raise HTTPException(404, "There is no such report.")
    return FileResponse(found, headers=DATA_DOCS_HEADERS if "data_docs" in found.parts else REPORT_HEADERS)


def _file(path: str) -> Path | None:
    """The file at a path below the reports folder; None when there is none or when links lead outside the folder."""
    reports = Workspace.from_settings(read_settings()).reports.resolve()
    try:
        found = (reports / path.strip("/")).resolve()
        return found if found.is_file() and found.is_relative_to(reports) else None
    except (OSError, ValueError):
        return None


def _place(name: str, run: "Run | None") -> tuple[int, str]:
    """What orders reports: the order of the runs, and their names where that is not known."""
    return (run.sequence, run.started_at.isoformat()) if run is not None else (0, name)


def _row(name: str, run: "Run | None") -> str:
    of_service = f" {html.escape(run.service)}, {run.started_at:%Y-%m-%d %H:%M %Z}" if run is not None else ""
    return f'<li><a href="{html.escape(name)}/">{html.escape(name)}</a>{of_service}</li>'


def _page(title: str, body: str) -> HTMLResponse:
    style = "body{font:16px system-ui,sans-serif;margin:2rem;line-height:1.6}"
    return HTMLResponse(
        f"<!doctype html><meta charset=utf-8><title>{title}</title><style>{style}</style><h1>{title}</h1>{body}",
        headers=REPORT_HEADERS,
    )


class PerformanceReports(AirflowPlugin):
    """The Airflow plugin: the web application that serves reports, and the links to it in the UI."""

    name = "performance_reports"
    fastapi_apps = [{"app": app, "url_prefix": PREFIX, "name": "Performance reports"}]  # noqa: RUF012 - Airflow declares it as a list
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
