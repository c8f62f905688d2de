"""Routes of the optimisation sessions."""

from flask import Blueprint, Response, url_for

from app.dashboard.statistics import DashboardStatistics
from app.events.publisher import CREATED, EventPublisher
from app.openapi.operations import Operation, operation
from app.rate_limits.limits import SESSION_STARTS, SESSIONS
from app.sessions.model import NewSession, Session, SessionDetails, SessionPage, SessionQuery
from app.sessions.queries import get_session, list_sessions, start_session
from app.sessions.simulation import Simulation
from app.storage.database import AppDatabase
from app.web.components import component
from app.web.input import read_body, read_query
from app.web.representations import document_response
from app.web.responses import encode_timed, json_response

blueprint = Blueprint("sessions", __name__, url_prefix="/api/v1/optimization/sessions")


@blueprint.get("")
@operation(Operation(SessionPage, query=SessionQuery, tagged=True, limit=SESSIONS))
def index() -> Response:
    """One page of the sessions that match the query string."""
    return document_response(encode_timed(list_sessions(component(AppDatabase), read_query(SessionQuery))))


@blueprint.get("/<int:session_id>")
@operation(Operation(SessionDetails, tagged=True, limit=SESSIONS))
def show(session_id: int) -> Response:
    """One session."""
    return document_response(encode_timed(get_session(component(AppDatabase), session_id)))


@blueprint.post("")
@operation(Operation(Session, 201, body=NewSession, headers={"Location": "Path of the session."}, limit=SESSION_STARTS))
def start() -> Response:
    """Start a session."""
    new = read_body(NewSession)
    session = start_session(component(AppDatabase), new)
    component(DashboardStatistics).invalidate()
    component(EventPublisher).publish(CREATED, session)
    component(Simulation).add(session["id"])
    location = url_for("sessions.show", session_id=session["id"])
    return json_response(session, 201, headers={"Location": location})
