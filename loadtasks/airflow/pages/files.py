"""The files of reports: the page that people forward, results.json, and Great Expectations' Data Docs.

Tasks write them on the disk of their worker. Where the API server has another one, page, results.json and summary.md
are made anew from the results database; Data Docs are not.
"""

from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, status
from fastapi.responses import FileResponse, Response

from loadtasks import steps
from loadtasks.airflow.pages.access import Reader, ReaderDep
from loadtasks.airflow.pages.responses import to_page
from loadtasks.errors import NotStoredError
from loadtasks.report import folder

router = APIRouter()
# Reports quote what an API responded, and are shown within the UI: nothing in them may act on the reader's behalf. Data
# Docs run third-party scripts, so the sandbox gives them an origin of their own.
_SAFE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
REPORT_HEADERS = _SAFE | {
    "Content-Security-Policy": "default-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'none'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'",
}
_MEDIA_TYPES = {folder.PAGE: "text/html", folder.RESULTS: "application/json", folder.SUMMARY: "text/markdown"}
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
        return _made(request, reader, path)
    return FileResponse(found, headers=DATA_DOCS_HEADERS if "data_docs" in found.parts else REPORT_HEADERS)


def _made(request: Request, reader: Reader, path: str) -> Response:
    """A file of a report that is not on this machine.

    Raises:
        HTTPException: there is none for the reader.
    """
    run_id, slash, name = path.partition("/")
    try:
        if steps.service_of_run(reader.context, run_id) in reader.services:
            name = name or folder.PAGE
            content = steps.report_file(reader.context, run_id, name)
            if not slash:
                return to_page(request, f"/files/{run_id}/")
            return Response(content, media_type=_MEDIA_TYPES[name], headers=REPORT_HEADERS)
    except NotStoredError:
        pass
    raise HTTPException(
        status.HTTP_404_NOT_FOUND,
        "There is no such report: it has not been written yet, it was pruned, or it is on the disk of a worker.",
    )


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
