"""Errors as problem documents (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal

from flask import Flask, Response, request
from pydantic import Field, ValidationError
from werkzeug.exceptions import HTTPException
from werkzeug.routing.exceptions import WebsocketMismatch

from app.web.responses import ResponseModel, json_response

MEDIA_TYPE = "application/problem+json"

log = logging.getLogger(__name__)


class InvalidField(ResponseModel):
    """One error in the input."""

    field: str
    """Dotted path of the field."""
    detail: str
    """What is wrong, in one sentence."""


class ProblemDocument(ResponseModel):
    """An error (RFC 9457)."""

    type: Literal["about:blank"]
    """Always about:blank: the status says what kind of error it is."""
    title: str
    """The status's phrase."""
    status: int = Field(ge=400, le=599)
    """The HTTP status."""
    detail: str
    """What went wrong, in one sentence."""
    instance: str
    """Path of the request."""
    errors: list[InvalidField] = Field(default=[], min_length=1)
    """The invalid fields of the input."""
    parts: dict[str, str] = Field(default={})
    """The state of each dependency, when the service isn't ready."""


class ApiProblemError(Exception):
    """An error that is sent to the client as a problem document.

    Args:
        status: HTTP status.
        detail: What went wrong, in one sentence.
        errors: Of invalid input, the `field` and `detail` of each error; `field` is a dotted path.
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
    def invalid(cls, field: str, detail: str) -> ApiProblemError:
        """Make the problem of one invalid field."""
        return cls(422, f"{field}: {detail}", errors=[{"field": field, "detail": detail}])

    @classmethod
    def from_validation(cls, error: ValidationError) -> ApiProblemError:
        """Make the problem of input that pydantic refused: 400 if it isn't JSON, else 422."""
        details = error.errors(include_url=False, include_context=False, include_input=False)
        if details[0]["type"] == "json_invalid":
            return cls(400, f"The body is not JSON: {details[0]['msg'].removeprefix('Invalid JSON: ')}.")
        errors = [
            {
                "field": ".".join(str(part) for part in detail["loc"]) or "body",
                "detail": detail["msg"].removeprefix("Value error, "),
            }
            for detail in details
        ]
        return cls(422, "; ".join(f"{error['field']}: {error['detail']}" for error in errors), errors=errors)

    def response(self) -> Response:
        """Make the response with the problem document."""
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
    """Make an application respond to every error with a problem document."""
    app.register_error_handler(ApiProblemError, ApiProblemError.response)
    app.register_error_handler(WebsocketMismatch, _handle_mismatch)
    app.register_error_handler(HTTPException, _handle_http_error)
    app.register_error_handler(Exception, _handle_unexpected_error)


def _handle_mismatch(error: WebsocketMismatch) -> Response:
    if request.headers.get("Upgrade", "").lower() == "websocket":
        return ApiProblemError(400, "This address isn't a WebSocket.").response()
    return ApiProblemError(426, "This address is a WebSocket; request the upgrade.").response()


def _handle_http_error(error: HTTPException) -> Response:
    headers = {name: value for name, value in error.get_headers() if name.lower() != "content-type"}
    return ApiProblemError(error.code or 500, error.description or "", headers=headers).response()


def _handle_unexpected_error(error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return ApiProblemError(500, "The service failed to process the request; its log says why.").response()
