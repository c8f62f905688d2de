"""The configuration."""

from flask import Blueprint, Response

from app.criteria import Criteria
from app.representations import answer
from app.routes.body import read_body
from app.services import services

blueprint = Blueprint("config", __name__, url_prefix="/api/v1/config")


@blueprint.get("/optimization-criteria")
def read_criteria() -> Response:
    """The criteria as they were put."""
    return answer(services().criteria.get())


@blueprint.put("/optimization-criteria")
def put_criteria() -> Response:
    """Replace the criteria."""
    return answer(services().criteria.put(read_body(Criteria)))
