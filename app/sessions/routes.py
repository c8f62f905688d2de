"""Optimisation sessions."""

from flask import Blueprint, Response, url_for

from app.events.publisher import CREATED
from app.openapi.document import Operation, operation
from app.openapi.schemas import Session, SessionDetails, SessionPage
from app.rate_limits.limits import SESSION_STARTS, SESSIONS
from app.services import services
from app.sessions.queries import NewSession, SessionQuery, get_session, list_sessions, start_session
from app.web.input import read_body, read_query
from app.web.representations import answer
from app.web.responses import encode_timed, json_response

blueprint = Blueprint("sessions", __name__, url_prefix="/api/v1/optimization/sessions")


@blueprint.get("")
@operation(Operation(SessionPage, query=SessionQuery, tagged=True, limit=SESSIONS))
def index() -> Response:
    """One page of the sessions that the query string asks for."""
    return answer(encode_timed(list_sessions(services().database, read_query(SessionQuery))))


@blueprint.get("/<int:session_id>")
@operation(Operation(SessionDetails, tagged=True, limit=SESSIONS))
def show(session_id: int) -> Response:
    """One session."""
    return answer(encode_timed(get_session(services().database, session_id)))


@blueprint.post("")
@operation(Operation(Session, 201, body=NewSession, headers={"Location": "Path of the session."}, limit=SESSION_STARTS))
def start() -> Response:
    """Start a session."""
    new = read_body(NewSession)
    session = start_session(services().database, new)
    services().dashboard.forget()
    services().events.publish(CREATED, session)
    services().simulation.add(session["id"])
    location = url_for("sessions.show", session_id=session["id"])
    return json_response(session, 201, headers={"Location": location})
