"""The WebSocket of session events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Blueprint, Response, g, request

from app.correlation import HEADER, current_id
from app.openapi import Operation, operation
from app.problems import Problem
from app.services import services
from app.timing import current_header
from app.websocket import VERSION, handshake, take_over

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

blueprint = Blueprint("events", __name__, url_prefix="/api/v1")


class HandedOver(Response):
    """The response of a request whose connection gunicorn must not touch any more."""

    def __call__(self, _environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """End gunicorn's part: this exception makes it close its socket without an answer and without a word."""
        start_response("101 Switching Protocols", [])
        raise StopIteration


@blueprint.get("/events", websocket=True)
@operation(Operation(status=101, media_type="", problems=(400, 426, 501)))
def subscribe() -> Response:
    """Get all events of sessions from now on, by WebSocket.

    The handshake is that of RFC 6455, with the token in its header `Authorization`. What clients say is ignored.
    """
    key, version = request.headers.get("Sec-WebSocket-Key"), request.headers.get("Sec-WebSocket-Version")
    if not key or version != VERSION:
        headers = {"Sec-WebSocket-Version": VERSION}
        raise Problem(400, f"Send Sec-WebSocket-Key and Sec-WebSocket-Version: {VERSION}.", headers=headers)
    if "gunicorn.socket" not in request.environ:
        raise Problem(501, "WebSockets need the service to run under gunicorn.")
    greeting = handshake(key, {"Server-Timing": current_header(), HEADER: current_id()})
    connection = take_over(request.environ)
    if g.pop("cut", False):
        connection.sendall(greeting)
        connection.close()
    else:
        services().hub.attach(connection, greeting)
    return HandedOver()
