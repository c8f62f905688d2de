"""The files of reports: the page that people forward, results.json, and Great Expectations' Data Docs."""

from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, status
from fastapi.responses import FileResponse, Response

from loadtasks import steps
from loadtasks.airflow.pages.access import Reader, ReaderDep
from loadtasks.airflow.pages.responses import to_page

router = APIRouter()
# Reports quote what an API responded, and are shown within the UI: nothing in them may act on the reader's behalf. Data
# Docs run third-party scripts, so the sandbox gives them an origin of their own.
_SAFE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
REPORT_HEADERS = _SAFE | {
    "Content-Security-Policy": "default-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'none'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'",
}
DATA_DOCS_HEADERS = _SAFE | {"Content-Security-Policy": "sandbox allow-scripts allow-popups"}


@router.get("/files/{path:path}")
def serve_file(request: Request, reader: ReaderDep, path: str) -> Response:
    """A file of a report or of its Data Docs; the page of a folder."""
    found = _file(reader, path)
    if found is None and _file(reader, f"{path}/index.html"):
        if not path.endswith("/"):
            return to_page(request, f"/files/{path}/")
        found = _file(reader, f"{path}/index.html")
    if found is None:
        raise HTTPException(
            status.HTTP_404_NOT_FOUND, "There is no such report: it has not been written yet, or it was pruned."
        )
    return FileResponse(found, headers=DATA_DOCS_HEADERS if "data_docs" in found.parts else REPORT_HEADERS)


def _file(reader: Reader, path: str) -> Path | None:
    """The file at a path below the reports folder, of a run that the reader may see.

    None when there is none or when links lead outside the folder.
    """
    reports = reader.context.workspace.reports.resolve()
    try:
        found = (reports / path.strip("/")).resolve()
        if not found.is_file() or not found.is_relative_to(reports):
            return None
    except (OSError, ValueError):
        return None
    run_id = found.relative_to(reports).parts[0]
    return found if steps.service_of_run(reader.context, run_id) in reader.services else None
