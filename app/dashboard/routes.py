"""Routes of the dashboard."""

from flask import Blueprint, Response

from app.dashboard.model import Dashboard
from app.dashboard.statistics import DashboardStatistics
from app.openapi.operations import Operation, operation
from app.rate_limits.limits import DASHBOARD
from app.web.components import component
from app.web.representations import document_response

blueprint = Blueprint("dashboard", __name__, url_prefix="/api/v1/dashboard")


@blueprint.get("/stats")
@operation(Operation(Dashboard, tagged=True, limit=DASHBOARD))
def stats() -> Response:
    """Statistics over all sessions."""
    return document_response(component(DashboardStatistics).get())
