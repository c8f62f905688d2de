"""The OpenAPI document, made from the routes and from the models that their requests are validated with.

Operations are described where they are routed, by ``operation``. The rest is known: a route below ``/api/`` needs a
token, a body may be too large, no JSON or invalid, a path parameter may name nothing.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from werkzeug.routing import Rule

from app import __version__
from app.openapi.schema_docs import describe_fields
from app.openapi.schemas import ProblemDocument
from app.rate_limits.limits import WINDOW_S, RateLimit
from app.web.auth import PROTECTED, needed_scope
from app.web.problems import MEDIA_TYPE

EXTENSION = "openapi"
REFERENCE = "#/components/schemas/{model}"
DESCRIPTION = (
    "Optimises machine-learning models in sessions, and tells of them. Errors are problems as RFC 9457 has them."
)
BODY_PROBLEMS = (400, 413, 415, 422)
TOO_MANY = 429
LIMIT_HEADERS = {
    "RateLimit-Limit": "Requests that a user may make in one window; left out when none is counted.",
    "RateLimit-Remaining": "How many more may be made now.",
    "RateLimit-Reset": "Seconds until one more may be made than now.",
}
TOKEN = "token"  # noqa: S105 - what the document calls its security scheme
# Flask answers these by itself.
IMPLIED_METHODS = frozenset({"HEAD", "OPTIONS"})
MEANINGS = {
    400: "The body is not JSON, or the request makes no sense.",
    401: "The token is missing, invalid, expired or revoked.",
    403: "The token lacks the scope, or the origin of the page is none that may open a WebSocket.",
    404: "There is no such thing.",
    412: "A precondition, If-Match or If-None-Match, doesn't hold.",
    413: "The body is too large.",
    415: "The body isn't declared as JSON.",
    422: "The input is invalid; `errors` names each field.",
    426: "The request doesn't ask for the upgrade to a WebSocket.",
    429: "The user has made as many requests as are allowed; `Retry-After` says when to come again.",
    500: "The service failed to answer; its log says why.",
    501: "The service doesn't run under gunicorn.",
    503: "The database doesn't answer, or there are too many WebSockets.",
}

View = TypeVar("View", bound=Callable[..., Any])
Schemas = dict[tuple[type[BaseModel], JsonSchemaMode], dict[str, Any]]


@dataclass(frozen=True)
class Operation:
    """What a route takes and answers.

    Attributes:
        answer: Model of the answer's body; None when it has none that is JSON.
        status: Status of the answer.
        media_type: Of the answer's body; empty when there is none.
        query: Model of the query string.
        body: Model of the request's body.
        problems: Statuses of problems that aren't known without being told.
        headers: Headers that the answer always has, and what they say.
        tagged: Whether the answer has an entity tag, and preconditions are heeded.
        limit: How many such requests a user may make.
    """

    answer: type[BaseModel] | None = None
    status: int = 200
    media_type: str = "application/json"
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    problems: tuple[int, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    tagged: bool = False
    limit: RateLimit | None = None


_operations: dict[str, Operation] = {}


def _key(view: Callable[..., Any]) -> str:
    return f"{view.__module__}.{view.__qualname__}"


def operation(described: Operation) -> Callable[[View], View]:
    """Describe the view that is decorated; its docstring says the rest."""

    def decorate(view: View) -> View:
        _operations[_key(view)] = described
        return view

    return decorate


def install(application: Flask) -> None:
    """Make the document of an application whose routes are all there.

    Raises:
        KeyError: A route isn't described.
    """
    application.extensions[EXTENSION] = _document(application)


def rate_limits(application: Flask) -> dict[str, RateLimit]:
    """The limits of an application's endpoints, of those that have one."""
    described = {endpoint: _operations[_key(view)] for endpoint, view in application.view_functions.items()}
    return {endpoint: one.limit for endpoint, one in described.items() if one.limit}


def _document(application: Flask) -> dict[str, Any]:
    rules = sorted(application.url_map.iter_rules(), key=lambda rule: rule.rule)
    routed = [(rule, application.view_functions[rule.endpoint]) for rule in rules]
    schemas, components = _schemas([_operations[_key(view)] for _, view in routed])
    paths: dict[str, dict[str, Any]] = {}
    statuses: set[int] = set()
    for rule, view in routed:
        path = paths.setdefault(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), {})
        for method in sorted((rule.methods or set()) - IMPLIED_METHODS):
            path[method.lower()] = _describe(rule, method, view, schemas)
            statuses |= _problems(rule, _operations[_key(view)])
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
    """The references to the schemas of all bodies, and these."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(ProblemDocument, "serialization")]
    models += [(one.answer, "serialization") for one in operations if one.answer]
    models += [(one.body, "validation") for one in operations if one.body]
    # Those of queries are taken apart into parameters, but their enumerations are components.
    models += [(one.query, "validation") for one in operations if one.query]
    references, found = models_json_schema(list(dict.fromkeys(models)), ref_template=REFERENCE)
    components: dict[str, Any] = {name: describe_fields(schema) for name, schema in sorted(found["$defs"].items())}
    queries = {one.query for one in operations if one.query}
    schemas: Schemas = {(model, mode): dict(references[model, mode]) for model, mode in models}
    for query in queries:
        name = schemas[query, "validation"]["$ref"].rpartition("/")[2]
        schemas[query, "validation"] = components.pop(name)
    return schemas, components


def _describe(rule: Rule, method: str, view: Callable[..., Any], schemas: Schemas) -> dict[str, Any]:
    described = _operations[_key(view)]
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
        found["description"] = "\n\n".join(filter(None, (description.strip(), _limit_in_words(described))))
    if parameters := [*_path_parameters(rule), *_query_parameters(described, schemas)]:
        found["parameters"] = parameters
    if described.body:
        content = {"application/json": {"schema": schemas[described.body, "validation"]}}
        found["requestBody"] = {"required": True, "content": content}
    if rule.rule.startswith(PROTECTED):
        found["security"] = [{TOKEN: [needed_scope(method)]}]
    for status in sorted(_problems(rule, described)):
        found["responses"][str(status)] = {"$ref": f"#/components/responses/{_name(status)}"}
    return found


def _limit_in_words(described: Operation) -> str:
    limit = described.limit
    return f"A user has {limit.requests} requests of `{limit.name}` in any {WINDOW_S} seconds." if limit else ""


def _not_modified(described: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {"description": "The client has the document that If-None-Match names."}
    return found | ({"headers": _limit_headers()} if described.limit else {})


def _limit_headers(*, always: bool = False) -> dict[str, Any]:
    return {name: _header(text, "integer", always=always) for name, text in LIMIT_HEADERS.items()}


def _header(text: str, kind: str = "string", *, always: bool = True) -> dict[str, Any]:
    return {"description": text, "required": always, "schema": {"type": kind}}


def _response(described: Operation, schemas: Schemas) -> dict[str, Any]:
    found: dict[str, Any] = {"description": HTTPStatus(described.status).phrase}
    headers = described.headers | ({"ETag": "Tag of the document, for preconditions."} if described.tagged else {})
    told = {name: _header(text) for name, text in headers.items()} | (_limit_headers() if described.limit else {})
    if told:
        found["headers"] = told
    if described.media_type:
        schema = schemas[described.answer, "serialization"] if described.answer else {}
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
        # A query string leaves out what pydantic calls null.
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
        text = "What is wrong with the token, as RFC 6750 has it."
        required = status == HTTPStatus.UNAUTHORIZED
        found["headers"] = {"WWW-Authenticate": _header(text) | {"required": required}}
    if status == TOO_MANY:
        found["headers"] = _limit_headers(always=True) | {"Retry-After": _header("Seconds to wait.", "integer")}
    return found


def _name(status: int) -> str:
    return "".join(word.capitalize() for word in re.findall(r"\w+", HTTPStatus(status).phrase))
