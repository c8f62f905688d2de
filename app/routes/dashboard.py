"""The dashboard."""

from flask import Blueprint, Response

from app.representations import answer
from app.services import services

blueprint = Blueprint("dashboard", __name__, url_prefix="/api/v1/dashboard")


@blueprint.get("/stats")
def stats() -> Response:
    """The figures over all sessions."""
    return answer(services().dashboard.get())
