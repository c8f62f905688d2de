"""Errors as RFC 9457 problem documents."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException
from werkzeug.routing.exceptions import WebsocketMismatch

from app.web.responses import json_response

MEDIA_TYPE = "application/problem+json"

log = logging.getLogger(__name__)


class Problem(Exception):  # noqa: N818 - the name that RFC 9457 has for it
    """An error that is told to the client.

    Attributes:
        status: HTTP status.
        detail: One sentence for people.
        errors: For invalid input, one ``{"field", "detail"}`` each; ``field`` is a dotted path.
        headers: Further response headers.
        extensions: Further members of the document.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors or []
        self.headers = dict(headers or {})
        self.extensions = dict(extensions or {})

    @classmethod
    def invalid(cls, field: str, detail: str) -> Problem:
        """Make the problem of one invalid field."""
        return cls(422, f"{field}: {detail}", errors=[{"field": field, "detail": detail}])

    @classmethod
    def from_validation(cls, error: ValidationError) -> Problem:
        """Make the problem of input that pydantic refused; input that isn't JSON at all is a 400."""
        found = error.errors(include_url=False, include_context=False, include_input=False)
        if found[0]["type"] == "json_invalid":
            return cls(400, f"The body is not JSON: {found[0]['msg'].removeprefix('Invalid JSON: ')}.")
        errors = [
            {
                "field": ".".join(str(part) for part in one["loc"]) or "body",
                "detail": one["msg"].removeprefix("Value error, "),
            }
            for one in found
        ]
        return cls(422, "; ".join(f"{one['field']}: {one['detail']}" for one in errors), errors=errors)

    def response(self) -> Response:
        """Make the response that tells it."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": _title(self.status),
            "status": self.status,
            "detail": self.detail,
            "instance": request.path,
            **self.extensions,
        }
        if self.errors:
            document["errors"] = self.errors
        return json_response(document, self.status, headers=self.headers, media_type=MEDIA_TYPE)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"


def install(app: Flask) -> None:
    """Let an application answer every error with a problem document."""
    app.register_error_handler(Problem, Problem.response)
    app.register_error_handler(WebsocketMismatch, _answer_mismatch)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer_unexpected)


def _answer_mismatch(error: WebsocketMismatch) -> Response:
    if request.headers.get("Upgrade", "").lower() == "websocket":
        return Problem(400, "This address isn't a WebSocket.").response()
    return Problem(426, "This address is a WebSocket; ask for the upgrade.").response()


def _answer_http(error: HTTPException) -> Response:
    headers = {name: value for name, value in error.get_headers() if name.lower() != "content-type"}
    return Problem(error.code or 500, error.description or "", headers=headers).response()


def _answer_unexpected(error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return Problem(500, "The service failed to answer; its log says why.").response()
