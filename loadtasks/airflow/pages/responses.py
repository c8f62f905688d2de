"""Responses of the pages: HTML that can't run anything but our own scripts, redirects, and errors as pages."""

from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from fastapi import HTTPException, Request, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from loadtasks.airflow import PAGES
from loadtasks.airflow.pages.access import Reader
from loadtasks.errors import NotStoredError
from loadtasks.report.pages.frame import PageFrame, render

# Pages quote what an API responded: only scripts from files of ours run, and forms go nowhere else.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
}
CHARTS_SCRIPT = f"vega-{version('vl-convert-python')}.js"
"""Its version is part of its name, so that browsers may keep it."""
_LOGIN = "/api/v2/auth/login"


def page(request: Request, reader: Reader, template: str, **data: Any) -> HTMLResponse:
    """A page for a reader."""
    base = str(request.scope.get("root_path", ""))
    return HTMLResponse(render(template, reader.frame(base, base.removesuffix(PAGES)), **data), headers=HEADERS)


def to_page(request: Request, path: str) -> RedirectResponse:
    """A redirect to a page, after a form or from a link of Airflow's. `path` begins with a slash."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}{path}", status.HTTP_303_SEE_OTHER)


async def error_page(request: Request, error: Exception) -> Response:
    """An error as a page; to whoever is not logged in, Airflow's log-in, which leads back here."""
    if isinstance(error, RequestValidationError):
        odd = ", ".join(str(one["loc"][-1]) for one in error.errors())
        error = HTTPException(status.HTTP_404_NOT_FOUND, f"The address has a value that can't be read ({odd}).")
    base = str(request.scope.get("root_path", ""))
    airflow = base.removesuffix(PAGES)
    code = _code(error)
    wants_page = request.method == "POST" or "text/html" in request.headers.get("accept", "")
    if code == status.HTTP_401_UNAUTHORIZED and wants_page:
        where = quote(f"{base}/" if request.method == "POST" else _address(request))
        return RedirectResponse(f"{airflow}{_LOGIN}?next={where}", status.HTTP_303_SEE_OTHER)
    text = str(error.detail) if isinstance(error, HTTPException) else str(error)
    if not wants_page:
        return JSONResponse({"detail": text}, code)
    frame = PageFrame(base=base, airflow=airflow, reader="")
    headings = {status.HTTP_404_NOT_FOUND: "Nothing here", status.HTTP_403_FORBIDDEN: "Not allowed"}
    heading = headings.get(code, "That did not work")
    return HTMLResponse(render("message.html", frame, heading=heading, text=text), code, headers=HEADERS)


def _code(error: Exception) -> int:
    """The status of an error: what people may correct is a conflict with what is stored."""
    if isinstance(error, HTTPException):
        return error.status_code
    return status.HTTP_404_NOT_FOUND if isinstance(error, NotStoredError) else status.HTTP_409_CONFLICT


def _address(request: Request) -> str:
    """The address of a request as the browser has it, without the host, which a proxy may have changed."""
    root = request.scope.get("app_root_path", "")
    path = request.scope["path"]
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{path if path.startswith(root) else root + path}{query}"
