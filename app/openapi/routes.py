"""The OpenAPI document, for programs and as a page for people."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, render_template

from app.openapi.document import EXTENSION
from app.openapi.operations import Operation, operation
from app.web.responses import json_response

blueprint = Blueprint("documentation", __name__, template_folder="templates")

STYLE = (Path(__file__).parent / "templates" / "docs.css").read_text()
# The page loads nothing and runs no scripts; its one style sheet is inline.
POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# The page's words for the limits of JSON schema.
LIMITS = {
    "minimum": "from",
    "maximum": "to",
    "minLength": "characters, from",
    "maxLength": "characters, to",
    "minItems": "items, from",
    "maxItems": "items, to",
    "pattern": "pattern",
    "default": "default",
}


@blueprint.get("/openapi.json")
@operation(Operation())
def document() -> Response:
    """The OpenAPI document of the service."""
    return json_response(current_app.extensions[EXTENSION])


@blueprint.get("/docs")
@operation(Operation(media_type="text/html"))
def page() -> Response:
    """The OpenAPI document as a page for people."""
    described: dict[str, Any] = current_app.extensions[EXTENSION]
    html = render_template("docs.html", document=described, tags=_by_tag(described), words=LIMITS, style=STYLE)
    return Response(html, headers={"Content-Security-Policy": POLICY}, content_type="text/html; charset=utf-8")


def _by_tag(described: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    by_tag: dict[str, list[dict[str, Any]]] = {}
    for path, methods in described["paths"].items():
        for method, described_operation in methods.items():
            tag = described_operation["tags"][0]
            by_tag.setdefault(tag, []).append(described_operation | {"path": path, "method": method})
    return by_tag
