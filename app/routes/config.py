"""The configuration."""

from flask import Blueprint, Response

from app.criteria import Criteria
from app.openapi import Operation, operation
from app.routes.body import read_body
from app.services import services

blueprint = Blueprint("config", __name__, url_prefix="/api/v1/config")


@blueprint.get("/optimization-criteria")
@operation(Operation(Criteria))
def read_criteria() -> Response:
    """The criteria as they were put."""
    return Response(services().criteria.get(), content_type="application/json")


@blueprint.put("/optimization-criteria")
@operation(Operation(Criteria, body=Criteria))
def put_criteria() -> Response:
    """Replace the criteria."""
    return Response(services().criteria.put(read_body(Criteria)), content_type="application/json")
