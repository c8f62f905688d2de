"""Routes that report on an instance: health, readiness, metrics, version."""

from flask import Blueprint, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app import __version__
from app.health.model import HealthReport, ReadinessReport, VersionReport
from app.observability.metrics import CONTENT_TYPE, exposition
from app.openapi.operations import Operation, operation
from app.redis.client import RedisClient
from app.settings import Settings
from app.storage.database import AppDatabase
from app.web.components import component, find_component
from app.web.problems import ApiProblemError
from app.web.responses import json_response

blueprint = Blueprint("health", __name__)

NAME = "optimisation-service"
REDIS_UNREACHABLE = "unreachable: this instance works on its own"


@blueprint.get("/healthz")
@operation(Operation(HealthReport, problems=(503,)))
def health() -> Response:
    """Whether the service can process requests.

    It needs the database for that, and can do without Redis.
    """
    try:
        with component(AppDatabase).read() as connection:
            connection.execute(text("SELECT id FROM sessions LIMIT 1")).all()
    except SQLAlchemyError as error:
        raise ApiProblemError(503, f"The database doesn't respond: {type(error).__name__}.") from error
    return json_response({"status": "ok", "database": "ok", "redis": _redis_state()})


@blueprint.get("/readyz")
@operation(Operation(ReadinessReport, problems=(503,)))
def readiness() -> Response:
    """Whether the service should get requests, with the state of each dependency."""
    database = component(AppDatabase)
    parts = {"database": "ok", "schema": "ok"}
    try:
        problem = database.schema_problem()
        if problem:
            parts["schema"] = problem
    except SQLAlchemyError as error:
        parts = {"database": f"doesn't respond: {type(error).__name__}", "schema": "unknown"}
    problems = [f"{name}: {state}" for name, state in parts.items() if state != "ok"]
    parts["redis"] = _redis_state()
    if problems:
        raise ApiProblemError(503, f"The service isn't ready. {'; '.join(problems)}.", extensions={"parts": parts})
    if database.replica is not None:
        parts["replica"] = "ok" if database.replica.available else "unreachable: the primary is read"
    return json_response({"status": "ready", "parts": parts})


@blueprint.get("/metrics")
@operation(Operation(media_type="text/plain"))
def metrics() -> Response:
    """The metrics for Prometheus."""
    return Response(exposition(), content_type=CONTENT_TYPE)


@blueprint.get("/version")
@operation(Operation(VersionReport))
def version() -> Response:
    """The version of the running service."""
    revision = component(Settings).revision or None
    return json_response({"name": NAME, "version": __version__, "revision": revision})


def _redis_state() -> str:
    redis = find_component(RedisClient)
    if redis is None:
        return "off"
    return redis.call(lambda client: "ok" if client.ping() else REDIS_UNREACHABLE, lambda: REDIS_UNREACHABLE)
