"""Routes of the configuration."""

from flask import Blueprint, Response, g

from app.config.changes import list_changes
from app.config.criteria_store import NAME, CriteriaStore
from app.config.model import Criteria, CriteriaChangePage
from app.openapi.operations import Operation, operation
from app.rate_limits.limits import CONFIG, CONFIG_CHANGES
from app.storage.database import AppDatabase
from app.web.components import component
from app.web.input import PageQuery, read_body, read_query
from app.web.representations import check_preconditions, document_response
from app.web.responses import encode_timed

blueprint = Blueprint("config", __name__, url_prefix="/api/v1/config")


@blueprint.get("/optimization-criteria")
@operation(Operation(Criteria, tagged=True, limit=CONFIG))
def read_criteria() -> Response:
    """The current criteria."""
    return document_response(component(CriteriaStore).get())


@blueprint.put("/optimization-criteria")
@operation(Operation(Criteria, body=Criteria, tagged=True, limit=CONFIG_CHANGES))
def put_criteria() -> Response:
    """Replace the criteria.

    With If-Match they are replaced only if they are still the ones that the client has seen.
    """
    return document_response(component(CriteriaStore).put(read_body(Criteria), g.grant.name, check_preconditions))


@blueprint.get("/optimization-criteria/history")
@operation(Operation(CriteriaChangePage, query=PageQuery, tagged=True, limit=CONFIG))
def list_criteria_changes() -> Response:
    """One page of the changes of the criteria, newest first."""
    query = read_query(PageQuery)
    return document_response(encode_timed(list_changes(component(AppDatabase), NAME, query)))
