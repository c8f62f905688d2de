"""The dashboard."""

from flask import Blueprint, Response

from app.openapi import Operation, operation
from app.responses import json_response
from app.schemas import Dashboard
from app.services import services
from app.statistics import dashboard

blueprint = Blueprint("dashboard", __name__, url_prefix="/api/v1/dashboard")


@blueprint.get("/stats")
@operation(Operation(Dashboard))
def stats() -> Response:
    """The figures over all sessions."""
    return json_response(dashboard(services().database))
