"""The dashboard."""

from flask import Blueprint, Response

from app.openapi.document import Operation, operation
from app.openapi.schemas import Dashboard
from app.rate_limits.limits import DASHBOARD
from app.services import services
from app.web.representations import answer

blueprint = Blueprint("dashboard", __name__, url_prefix="/api/v1/dashboard")


@blueprint.get("/stats")
@operation(Operation(Dashboard, tagged=True, limit=DASHBOARD))
def stats() -> Response:
    """The figures over all sessions."""
    return answer(services().dashboard.get())
