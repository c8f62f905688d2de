"""The route of the WebSocket of session events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Blueprint, Response, g, request

from app.observability.correlation import HEADER, current_request_id
from app.observability.server_timing import current_header
from app.openapi.operations import Operation, operation
from app.settings import Settings
from app.web.auth import bearer_token
from app.web.components import component
from app.web.problems import ApiProblemError
from app.websockets import deflate
from app.websockets.client import AcceptedConnection
from app.websockets.handshake import VERSION, handshake_response, is_allowed_origin, take_over
from app.websockets.hub import WebSocketHub

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

RETRY_S = 5

blueprint = Blueprint("events", __name__, url_prefix="/api/v1")


class TakenOverResponse(Response):
    """The response to a request whose connection gunicorn must not use any more."""

    def __call__(self, _environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """End gunicorn's part: on this exception it closes its socket without sending or logging anything."""
        start_response("101 Switching Protocols", [])
        raise StopIteration


@blueprint.get("/events", websocket=True)
@operation(Operation(status=101, media_type="", problems=(400, 403, 426, 501, 503)))
def subscribe() -> Response:
    """Receive all session events from now on, through a WebSocket.

    The handshake is that of RFC 6455. The token comes in the header `Authorization` or, since browsers can't send that
    header, in the first message within 5 seconds: `{"token": "..."}`; the server replies `{"type":"ready"}`. Pages of
    other origins than the service's own and those that CORS allows are refused (403). Any other message of a client
    is ignored; one above 4 KiB closes the WebSocket (1009), and so do messages of more than 64 KiB in all between two
    heartbeats (1008). Messages are compressed for clients that offer permessage-deflate.

    Close codes: 1001 the service stops; 1008 the token is missing, invalid or no longer valid; 1009 a message was too
    large; 1013 the client was too slow, or its token can't be verified now. Clients must answer pings.
    """
    key, offers = _read_handshake()
    hub = component(WebSocketHub)
    token = bearer_token() or ""
    headers = {"Server-Timing": current_header(), HEADER: current_request_id()}
    extensions = deflate.negotiate(offers)
    if extensions:
        headers[deflate.HEADER] = extensions
    if not hub.slots.acquire(pending=not token):
        raise _no_free_slot()
    try:
        connection = take_over(request.environ)
    except OSError:
        hub.slots.release(pending=not token)
        raise _no_free_slot() from None
    response = handshake_response(key, headers)
    if g.pop("cut", False):
        hub.slots.release(pending=not token)
        connection.sendall(response)
        connection.close()
    else:
        hub.attach(AcceptedConnection(connection, response, deflates=bool(extensions), token=token))
    return TakenOverResponse()


def _read_handshake() -> tuple[str, str]:
    """The key and the offered extensions of a valid handshake.

    Raises:
        ApiProblemError: 400, the handshake is invalid; 403, the origin isn't allowed; 501, this isn't gunicorn.
    """
    key, version = request.headers.get("Sec-WebSocket-Key"), request.headers.get("Sec-WebSocket-Version")
    if not key or version != VERSION:
        headers = {"Sec-WebSocket-Version": VERSION}
        raise ApiProblemError(400, f"Send Sec-WebSocket-Key and Sec-WebSocket-Version: {VERSION}.", headers=headers)
    allowed = component(Settings).origins
    if not is_allowed_origin(request.headers.get("Origin"), request.headers.get("Host", ""), allowed):
        raise ApiProblemError(403, "Pages of this origin may not open WebSockets here.")
    if "gunicorn.socket" not in request.environ:
        raise ApiProblemError(501, "WebSockets need the service to run under gunicorn.")
    return key, request.headers.get(deflate.HEADER, "")


def _no_free_slot() -> ApiProblemError:
    return ApiProblemError(503, "There are too many WebSockets.", headers={"Retry-After": str(RETRY_S)})
