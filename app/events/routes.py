"""The WebSocket of session events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Blueprint, Response, g, request

from app.observability.correlation import HEADER, current_id
from app.observability.server_timing import current_header
from app.openapi.document import Operation, operation
from app.services import services
from app.web.auth import bearer_token
from app.web.problems import Problem
from app.websockets import deflate
from app.websockets.client import Opening
from app.websockets.handshake import VERSION, handshake, is_welcome, take_over

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

RETRY_S = 5

blueprint = Blueprint("events", __name__, url_prefix="/api/v1")


class HandedOver(Response):
    """The response of a request whose connection gunicorn must not touch any more."""

    def __call__(self, _environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """End gunicorn's part: this exception makes it close its socket without an answer and without a word."""
        start_response("101 Switching Protocols", [])
        raise StopIteration


@blueprint.get("/events", websocket=True)
@operation(Operation(status=101, media_type="", problems=(400, 403, 426, 501, 503)))
def subscribe() -> Response:
    """Get all events of sessions from now on, by WebSocket.

    The handshake is that of RFC 6455. The token comes in its header `Authorization`, or, since browsers can't send that
    header, as the first message within 5 seconds: `{"token": "..."}`, which is answered by `{"type":"ready"}`. Pages of
    other origins than the service's own and those that CORS allows are refused (403). What clients say besides is
    ignored, as long as a message has no more than 4 KiB (1009) and all of them no more than 64 KiB between two
    heartbeats (1008). Messages are compressed for clients that offer permessage-deflate.

    Close codes: 1001 the service stops; 1008 the token is missing, bad or not valid any more; 1009 a message was too
    large; 1013 the client was too slow, or its token can't be checked now. Clients must answer pings.
    """
    key, offers = _read_handshake()
    hub = services().hub
    token = bearer_token() or ""
    headers = {"Server-Timing": current_header(), HEADER: current_id()}
    extensions = deflate.negotiate(offers)
    if extensions:
        headers[deflate.HEADER] = extensions
    if not hub.seats.take(pending=not token):
        raise _full()
    try:
        connection = take_over(request.environ)
    except OSError:
        hub.seats.give_back(pending=not token)
        raise _full() from None
    greeting = handshake(key, headers)
    if g.pop("cut", False):
        hub.seats.give_back(pending=not token)
        connection.sendall(greeting)
        connection.close()
    else:
        hub.attach(Opening(connection, greeting, deflates=bool(extensions), token=token))
    return HandedOver()


def _read_handshake() -> tuple[str, str]:
    """The key and the extensions that a right handshake tells."""
    key, version = request.headers.get("Sec-WebSocket-Key"), request.headers.get("Sec-WebSocket-Version")
    if not key or version != VERSION:
        headers = {"Sec-WebSocket-Version": VERSION}
        raise Problem(400, f"Send Sec-WebSocket-Key and Sec-WebSocket-Version: {VERSION}.", headers=headers)
    if not is_welcome(request.headers.get("Origin"), request.headers.get("Host", ""), services().settings.origins):
        raise Problem(403, "Pages of this origin may not open WebSockets here.")
    if "gunicorn.socket" not in request.environ:
        raise Problem(501, "WebSockets need the service to run under gunicorn.")
    return key, request.headers.get(deflate.HEADER, "")


def _full() -> Problem:
    return Problem(503, "There are too many WebSockets.", headers={"Retry-After": str(RETRY_S)})
