"""The dashboard."""

from flask import Blueprint, Response

from app.openapi import Operation, operation
from app.rate_limits import DASHBOARD
from app.representations import answer
from app.schemas import Dashboard
from app.services import services

blueprint = Blueprint("dashboard", __name__, url_prefix="/api/v1/dashboard")


@blueprint.get("/stats")
@operation(Operation(Dashboard, tagged=True, limit=DASHBOARD))
def stats() -> Response:
    """The figures over all sessions."""
    return answer(services().dashboard.get())
