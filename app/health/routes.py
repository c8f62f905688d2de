"""Whether the service works and what it is."""

from flask import Blueprint, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app import __version__
from app.observability.metrics import CONTENT_TYPE, exposition
from app.openapi.document import Operation, operation
from app.openapi.schemas import Health, Readiness, Version
from app.services import services
from app.web.problems import Problem
from app.web.responses import json_response

blueprint = Blueprint("health", __name__)

NAME = "optimisation-service"
REDIS_GONE = "gone: this instance goes on by itself"


@blueprint.get("/healthz")
@operation(Operation(Health, problems=(503,)))
def health() -> Response:
    """Whether the service can do its work, the database being asked; it can without Redis."""
    try:
        with services().database.read() as connection:
            connection.execute(text("SELECT id FROM sessions LIMIT 1")).all()
    except SQLAlchemyError as error:
        raise Problem(503, f"The database doesn't answer: {type(error).__name__}.") from error
    return json_response({"status": "ok", "database": "ok", "redis": _ask_redis()})


@blueprint.get("/readyz")
@operation(Operation(Readiness, problems=(503,)))
def readiness() -> Response:
    """Whether requests should be sent here; what is needed for that is told part by part."""
    parts = {"database": "ok", "schema": "ok"}
    try:
        fault = services().database.schema_fault()
        if fault:
            parts["schema"] = fault
    except SQLAlchemyError as error:
        parts = {"database": f"doesn't answer: {type(error).__name__}", "schema": "unknown"}
    faulty = [f"{name}: {state}" for name, state in parts.items() if state != "ok"]
    parts["redis"] = _ask_redis()
    if faulty:
        raise Problem(503, f"The service isn't ready. {'; '.join(faulty)}.", extensions={"parts": parts})
    replica = services().database.replica
    if replica is not None:
        parts["replica"] = "ok" if replica.works else "gone: the primary is read"
    return json_response({"status": "ready", "parts": parts})


@blueprint.get("/metrics")
@operation(Operation(media_type="text/plain"))
def metrics() -> Response:
    """The figures for Prometheus."""
    return Response(exposition(), content_type=CONTENT_TYPE)


@blueprint.get("/version")
@operation(Operation(Version))
def version() -> Response:
    """What is running."""
    return json_response({"name": NAME, "version": __version__, "revision": services().settings.revision or None})


def _ask_redis() -> str:
    redis = services().redis
    if redis is None:
        return "off"
    return redis.ask(lambda client: "ok" if client.ping() else REDIS_GONE, lambda: REDIS_GONE)
