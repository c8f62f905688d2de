"""The configuration."""

from flask import Blueprint, Response, g

from app.config.changes import ChangesQuery, list_changes
from app.config.criteria import NAME, Criteria
from app.openapi.document import Operation, operation
from app.openapi.schemas import ChangePage
from app.rate_limits.limits import CONFIG, CONFIG_CHANGES
from app.services import services
from app.web.input import read_body, read_query
from app.web.representations import answer, check_preconditions
from app.web.responses import encode_timed

blueprint = Blueprint("config", __name__, url_prefix="/api/v1/config")


@blueprint.get("/optimization-criteria")
@operation(Operation(Criteria, tagged=True, limit=CONFIG))
def read_criteria() -> Response:
    """The criteria as they were put."""
    return answer(services().criteria.get())


@blueprint.put("/optimization-criteria")
@operation(Operation(Criteria, body=Criteria, tagged=True, limit=CONFIG_CHANGES))
def put_criteria() -> Response:
    """Replace the criteria; with If-Match only if they are still those that the client has seen."""
    return answer(services().criteria.put(read_body(Criteria), g.grant.name, check_preconditions))


@blueprint.get("/optimization-criteria/history")
@operation(Operation(ChangePage, query=ChangesQuery, tagged=True, limit=CONFIG))
def list_criteria_changes() -> Response:
    """One page of the changes of the criteria, newest first."""
    query = read_query(ChangesQuery)
    return answer(encode_timed(list_changes(services().database, NAME, query)))
