"""The OpenAPI document, made from the routes, their operations and their models.

The rest follows from rules: a route below `/api/` needs a token; a body may be too large, not JSON, or invalid; a path
parameter may name something that doesn't exist.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from werkzeug.routing import Rule

from app import __version__
from app.openapi.operations import Operation, operation_of
from app.rate_limits.limits import WINDOW_S
from app.web.auth import PROTECTED, required_scope
from app.web.problems import MEDIA_TYPE, ProblemDocument

EXTENSION = "openapi"
REFERENCE = "#/components/schemas/{model}"
DESCRIPTION = (
    "Optimises machine-learning models in sessions and reports on them. Errors are problem documents (RFC 9457)."
)
BODY_PROBLEMS = (400, 413, 415, 422)
TOO_MANY = 429
LIMIT_HEADERS = {
    "RateLimit-Limit": "Requests that a user may make in one window; left out when requests aren't counted.",
    "RateLimit-Remaining": "Requests that may still be made now.",
    "RateLimit-Reset": "Seconds until one more request may be made.",
}
TOKEN = "token"  # noqa: S105 - the name of the security scheme
# Flask responds to these methods by itself.
IMPLIED_METHODS = frozenset({"HEAD", "OPTIONS"})
MEANINGS = {
    400: "The body is not JSON, or the request is malformed.",
    401: "The token is missing, invalid, expired or revoked.",
    403: "The token lacks the scope, or the page's origin may not open a WebSocket.",
    404: "The resource doesn't exist.",
    412: "A precondition, If-Match or If-None-Match, doesn't hold.",
    413: "The body is too large.",
    415: "The body isn't declared as JSON.",
    422: "The input is invalid; `errors` names the fields.",
    426: "The request lacks the upgrade to a WebSocket.",
    429: "The user has reached the rate limit; `Retry-After` says when to retry.",
    500: "The service failed to process the request; its log says why.",
    501: "The service doesn't run under gunicorn, which WebSockets need.",
    503: "The database doesn't respond, or there are too many WebSockets.",
}

Schemas = dict[tuple[type[BaseModel], JsonSchemaMode], dict[str, Any]]


def install(application: Flask) -> None:
    """Make the document of an application after all its routes are registered.

    Raises:
        KeyError: A route isn't described.
    """
    application.extensions[EXTENSION] = _document(application)


def _document(application: Flask) -> dict[str, Any]:
    rules = sorted(application.url_map.iter_rules(), key=lambda rule: rule.rule)
    routed = [(rule, application.view_functions[rule.endpoint]) for rule in rules]
    schemas, components = _schemas([operation_of(view) for _, view in routed])
    paths: dict[str, dict[str, Any]] = {}
    statuses: set[int] = set()
    for rule, view in routed:
        path = paths.setdefault(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), {})
        for method in sorted((rule.methods or set()) - IMPLIED_METHODS):
            path[method.lower()] = _describe(rule, method, view, schemas)
            statuses |= _problems(rule, operation_of(view))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Optimisation service", "version": __version__, "description": DESCRIPTION},
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {_name(status): _problem_response(status, schemas) for status in sorted(statuses)},
            "securitySchemes": {TOKEN: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _schemas(operations: list[Operation]) -> tuple[Schemas, dict[str, Any]]:
    """The references to the schemas of all models, and the schemas by name."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(ProblemDocument, "serialization")]
    models += [(operation.response, "serialization") for operation in operations if operation.response]
    models += [(operation.body, "validation") for operation in operations if operation.body]
    # The schema of a query is taken apart into parameters, but its enumerations are components.
    models += [(operation.query, "validation") for operation in operations if operation.query]
    references, found = models_json_schema(list(dict.fromkeys(models)), ref_template=REFERENCE)
    components: dict[str, Any] = {name: _tidy(schema) for name, schema in sorted(found["$defs"].items())}
    queries = {operation.query for operation in operations if operation.query}
    schemas: Schemas = {(model, mode): dict(references[model, mode]) for model, mode in models}
    for query in queries:
        name = schemas[query, "validation"]["$ref"].rpartition("/")[2]
        schemas[query, "validation"] = components.pop(name)
    return schemas, components


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    """A model's schema without the titles that pydantic derives from names, with descriptions on one line."""
    tidy = {key: value for key, value in schema.items() if key != "title"}
    if "description" in schema:
        tidy["description"] = " ".join(schema["description"].split())
    if "properties" in schema:
        tidy["properties"] = {name: _tidy(described) for name, described in schema["properties"].items()}
    return tidy


def _describe(rule: Rule, method: str, view: Callable[..., Any], schemas: Schemas) -> dict[str, Any]:
    described = operation_of(view)
    summary, _, description = (inspect.getdoc(view) or "").partition("\n")
    found: dict[str, Any] = {
        "operationId": rule.endpoint,
        "tags": [rule.endpoint.partition(".")[0]],
        "summary": summary.removesuffix("."),
        "responses": {str(described.status): _response(described, schemas)},
    }
    if described.tagged and method == "GET":
        found["responses"]["304"] = _not_modified(described)
    if description.strip() or described.limit:
        found["description"] = "\n\n".join(filter(None, (description.strip(), _limit_text(described))))
    if parameters := [*_path_parameters(rule), *_query_parameters(described, schemas)]:
        found["parameters"] = parameters
    if described.body:
        content = {"application/json": {"schema": schemas[described.body, "validation"]}}
        found["requestBody"] = {"required": True, "content": content}
    if rule.rule.startswith(PROTECTED):
        found["security"] = [{TOKEN: [required_scope(method)]}]
    for status in sorted(_problems(rule, described)):
        found["responses"][str(status)] = {"$ref": f"#/components/responses/{_name(status)}"}
    return found


def _limit_text(described: Operation) -> str:
    limit = described.limit
    return f"A user may make {limit.requests} requests of `{limit.name}` in any {WINDOW_S} seconds." if limit else ""


def _not_modified(described: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {"description": "The client already has the document, which If-None-Match names."}
    return found | ({"headers": _limit_headers()} if described.limit else {})


def _limit_headers(*, always: bool = False) -> dict[str, Any]:
    return {name: _header(text, "integer", always=always) for name, text in LIMIT_HEADERS.items()}


def _header(text: str, kind: str = "string", *, always: bool = True) -> dict[str, Any]:
    return {"description": text, "required": always, "schema": {"type": kind}}


def _response(described: Operation, schemas: Schemas) -> dict[str, Any]:
    found: dict[str, Any] = {"description": HTTPStatus(described.status).phrase}
    headers = described.headers | (
        {"ETag": "Entity tag of the document, for preconditions."} if described.tagged else {}
    )
    all_headers = {name: _header(text) for name, text in headers.items()}
    all_headers |= _limit_headers() if described.limit else {}
    if all_headers:
        found["headers"] = all_headers
    if described.media_type:
        schema = schemas[described.response, "serialization"] if described.response else {}
        found["content"] = {described.media_type: {"schema": schema}}
    return found


def _path_parameters(rule: Rule) -> Iterator[dict[str, Any]]:
    for name in sorted(rule.arguments):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0}}


def _query_parameters(described: Operation, schemas: Schemas) -> Iterator[dict[str, Any]]:
    if described.query is None:
        return
    schema = schemas[described.query, "validation"]
    for name, given in schema["properties"].items():
        value = {key: part for key, part in given.items() if key not in ("description", "title")}
        # A query string leaves a parameter out where pydantic has null.
        if "anyOf" in value:
            value = next(choice for choice in value["anyOf"] if choice.get("type") != "null")
        found = {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": value}
        yield found | ({"description": given["description"]} if "description" in given else {})


def _problems(rule: Rule, described: Operation) -> set[int]:
    found = {500, *described.problems}
    if rule.rule.startswith(PROTECTED):
        found |= {401, 403}
    if rule.arguments:
        found.add(404)
    if described.tagged:
        found.add(412)
    if described.limit:
        found |= {400, TOO_MANY}
    if described.query:
        found.add(422)
    if described.body:
        found |= set(BODY_PROBLEMS)
    return found


def _problem_response(status: int, schemas: Schemas) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": MEANINGS.get(status, HTTPStatus(status).phrase),
        "content": {MEDIA_TYPE: {"schema": schemas[ProblemDocument, "serialization"]}},
    }
    if status in (401, 403):
        text = "What is wrong with the token (RFC 6750)."
        required = status == HTTPStatus.UNAUTHORIZED
        found["headers"] = {"WWW-Authenticate": _header(text) | {"required": required}}
    if status == TOO_MANY:
        found["headers"] = _limit_headers(always=True) | {"Retry-After": _header("Seconds to wait.", "integer")}
    return found


def _name(status: int) -> str:
    return "".join(word.capitalize() for word in re.findall(r"\w+", HTTPStatus(status).phrase))
