"""The target that a run takes and its reference, from Airflow's connections or the environment."""

import json
from typing import Any

import pytest

from tests.airflow_process import AirflowProcess

CONNECTION = "AIRFLOW_CONN_PERFORMANCE_TARGET"
FULL = {
    "conn_type": "http",
    "host": "api.example",
    "port": 8443,
    "schema": "https",
    "password": "secret",
    "extra": {"health_path": "/up", "metrics_path": "/figures"},
}
ENVIRONMENT = {"LOADTASKS_TARGET": "http://environment:1", "LOADTASKS_TOKEN": "t"}

CASES: dict[str, tuple[dict[str, str], str | None, list[Any]]] = {
    "nothing is configured": ({}, None, ["http://127.0.0.1:8000", None, None, None]),
    "environment": (ENVIRONMENT, None, ["http://environment:1", "t", None, None]),
    "environment with metrics": (
        ENVIRONMENT | {"LOADTASKS_METRICS_PATH": "/m"},
        None,
        ["http://environment:1", "t", None, "/m"],
    ),
    "connection": ({CONNECTION: json.dumps(FULL)}, None, ["https://api.example:8443", "secret", "/up", "/figures"]),
    "connection goes first": (
        ENVIRONMENT | {CONNECTION: json.dumps(FULL)},
        None,
        ["https://api.example:8443", "secret", "/up", "/figures"],
    ),
    "whole address as host": (
        {CONNECTION: json.dumps({"conn_type": "http", "host": "https://api.example/base", "port": 8443})},
        None,
        ["https://api.example:8443/base", None, None, None],
    ),
    "connection as a URI": (
        {CONNECTION: "http://:secret@api.example:81"},
        None,
        ["http://api.example:81", "secret", None, None],
    ),
    "a login is sent with its password": (
        {CONNECTION: json.dumps(FULL | {"login": "loadbot"})},
        None,
        ["https://api.example:8443", ["loadbot", "secret"], "/up", "/figures"],
    ),
    "user and password in the host": (
        {CONNECTION: json.dumps({"conn_type": "http", "host": "http://loadbot:p%40ss@api.example"})},
        None,
        ["http://api.example", ["loadbot", "p@ss"], None, None],
    ),
    "user and password in the environment": (
        {"LOADTASKS_TARGET": "loadbot:p%40ss@environment:1"},
        "http://environment:1/v2",
        ["http://environment:1/v2", ["loadbot", "p@ss"], None, None],
    ),
    "user and password stay here": (
        {"LOADTASKS_TARGET": "http://loadbot:p%40ss@environment:1"},
        "http://elsewhere:1",
        ["http://elsewhere:1", None, None, None],
    ),
    "host and port in one": (
        {CONNECTION: json.dumps({"conn_type": "http", "host": "api.example:8080"})},
        None,
        ["http://api.example:8080", None, None, None],
    ),
    "IPv6": (
        {CONNECTION: json.dumps({"conn_type": "http", "host": "::1", "port": 81})},
        None,
        ["http://[::1]:81", None, None, None],
    ),
    "the form names the same API": (
        {CONNECTION: json.dumps(FULL)},
        " https://api.example:8443/v2 ",
        ["https://api.example:8443/v2", "secret", "/up", "/figures"],
    ),
    "the form names another: the token stays here": (
        {CONNECTION: json.dumps(FULL)},
        "https://elsewhere.example:8443",
        ["https://elsewhere.example:8443", None, "/up", "/figures"],
    ),
    "another port is another API": (
        ENVIRONMENT,
        "http://environment:2",
        ["http://environment:2", None, None, None],
    ),
}

REFERENCE = "AIRFLOW_CONN_PERFORMANCE_REFERENCE"
APPROVED = {"conn_type": "http", "host": "approved.example", "port": 81, "password": "own"}
EXTRA = FULL | {"extra": {"reference": "https://approved.example", "health_path": "/up"}}

REFERENCES: dict[str, tuple[dict[str, str], str | None, list[Any] | None]] = {
    "none is named": (ENVIRONMENT, None, None),
    "environment, with the target's token": (
        ENVIRONMENT | {"LOADTASKS_REFERENCE": "http://approved:1"},
        None,
        ["http://approved:1", "t", None],
    ),
    "environment, with its own token": (
        ENVIRONMENT | {"LOADTASKS_REFERENCE": "http://approved:1", "LOADTASKS_REFERENCE_TOKEN": "r"},
        None,
        ["http://approved:1", "r", None],
    ),
    "connection": (
        {CONNECTION: json.dumps(FULL), REFERENCE: json.dumps(APPROVED)},
        None,
        ["http://approved.example:81", "own", "/up"],
    ),
    "extra of the target's connection": (
        {CONNECTION: json.dumps(EXTRA)},
        None,
        ["https://approved.example", "secret", "/up"],
    ),
    "connection goes first": (
        {
            CONNECTION: json.dumps(EXTRA),
            REFERENCE: json.dumps(APPROVED),
            "LOADTASKS_REFERENCE": "http://approved:1",
        },
        None,
        ["http://approved.example:81", "own", "/up"],
    ),
    "the form names the configured one": (
        {CONNECTION: json.dumps(FULL), REFERENCE: json.dumps(APPROVED)},
        "http://approved.example:81/v2",
        ["http://approved.example:81/v2", "own", "/up"],
    ),
    "the form names the target itself": (
        {CONNECTION: json.dumps(FULL)},
        "https://api.example:8443",
        ["https://api.example:8443", "secret", "/up"],
    ),
    "a login of its own": (
        {CONNECTION: json.dumps(FULL), REFERENCE: json.dumps(APPROVED | {"login": "loadbot"})},
        None,
        ["http://approved.example:81", ["loadbot", "own"], "/up"],
    ),
    "the login of the target": (
        {CONNECTION: json.dumps(EXTRA | {"login": "loadbot"})},
        None,
        ["https://approved.example", ["loadbot", "secret"], "/up"],
    ),
    "the form names another: no login goes there": (
        {CONNECTION: json.dumps(FULL), REFERENCE: json.dumps(APPROVED)},
        "http://elsewhere.example",
        ["http://elsewhere.example", None, "/up"],
    ),
}

NAMED = FULL | {"extra": {"service": "shop"}}

SERVICES: dict[str, tuple[dict[str, str], list[str | None], str]] = {
    # What is configured; target and service of the trigger form, and the service of the DAG file; what comes of it.
    "no name at all": ({CONNECTION: json.dumps(FULL)}, [None, None, None], "api.example:8443"),
    "the connection's": ({CONNECTION: json.dumps(NAMED)}, [None, None, None], "shop"),
    "the connection's goes before the variable": (
        {CONNECTION: json.dumps(NAMED), "LOADTASKS_SERVICE": "stock"},
        [None, None, None],
        "shop",
    ),
    "the DAG's goes before the connection's": ({CONNECTION: json.dumps(NAMED)}, [None, None, "stock"], "stock"),
    "the form's goes before all": ({CONNECTION: json.dumps(NAMED)}, [None, " trial ", "stock"], "trial"),
    "another address in the form is another service": (
        {CONNECTION: json.dumps(NAMED), "LOADTASKS_SERVICE": "stock"},
        ["http://127.0.0.1:5000/v2", None, "stock"],
        "127.0.0.1:5000/v2",
    ),
    "the same address in the form is the same": (
        {CONNECTION: json.dumps(NAMED)},
        ["https://API.example:8443/", None, None],
        "shop",
    ),
    "the variable's": (ENVIRONMENT | {"LOADTASKS_SERVICE": "stock"}, [None, None, None], "stock"),
    "the variable's, for a connection": (
        {CONNECTION: json.dumps(FULL), "LOADTASKS_SERVICE": "stock"},
        [None, None, None],
        "stock",
    ),
    "the variable names its own target only": (
        ENVIRONMENT | {CONNECTION: json.dumps(FULL), "LOADTASKS_SERVICE": "stock"},
        [None, None, None],
        "api.example:8443",
    ),
    "what is no name": ({}, [None, "two\nlines", None], "refused: --service two lines: write a name"),
}

_OF_TARGET = "refused: Airflow connection performance_target: its extra"
EXTRAS: dict[str, tuple[dict[str, str], None, str]] = {
    f"{key} is {value!r}": (
        {CONNECTION: json.dumps(FULL | {"extra": {key: value}})},
        None,
        f"{_OF_TARGET} has a {key} that is no text",
    )
    for key in ("health_path", "metrics_path", "reference")
    for value in (5, True, ["a"], {"a": 1})
} | {
    f"it is {extra}": (
        {CONNECTION: json.dumps(FULL | {"extra": extra})},
        None,
        f"{_OF_TARGET} is not a JSON object",
    )
    for extra in ("[1]", "5", '"s"')
}

READ = """
import json, os
from loadtasks.airflow.connections import performance_reference, performance_service, performance_target
from loadtasks.errors import LoadTasksError
from loadtasks.settings import read_settings

def of_target(settings, url):
    return fields(performance_target(settings, url))

def of_extra(settings, _):
    for read in (performance_target, lambda settings: performance_reference(settings, performance_target(settings))):
        try:
            read(settings)
        except LoadTasksError as error:
            return f"refused: {error}"

def of_reference(settings, url):
    found = fields(performance_reference(settings, performance_target(settings), url))
    return found and found[:3]

def fields(target):
    return target and [target.url, target.token or target.credentials, target.health_path, target.metrics_path]

def of_service(settings, named):
    url, form, dag = named
    try:
        return performance_service(settings, performance_target(settings, url), form, dag)
    except LoadTasksError as error:
        return f"refused: {error}"

results = {}
for kind, cases in json.loads(os.environ["CASES"]).items():
    for name, (environment, given) in cases.items():
        os.environ.update(environment)
        results[f"{kind}: {name}"] = globals()[kind](read_settings(), given)
        for variable in environment:
            del os.environ[variable]
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def results(airflow: AirflowProcess) -> dict[str, Any]:
    cases = {"of_extra": EXTRAS, "of_target": CASES, "of_reference": REFERENCES, "of_service": SERVICES}
    given = {kind: {name: case[:2] for name, case in named.items()} for kind, named in cases.items()}  # type: ignore[attr-defined]
    return dict(airflow.evaluate(READ, CASES=json.dumps(given)))


@pytest.mark.parametrize("case", EXTRAS)
def test_an_extra_that_holds_something_else_is_refused_in_one_sentence(case: str, results: dict[str, Any]) -> None:
    assert results[f"of_extra: {case}"].startswith(EXTRAS[case][2])


@pytest.mark.parametrize("case", CASES)
def test_target_of(case: str, results: dict[str, Any]) -> None:
    assert results[f"of_target: {case}"] == CASES[case][2]


@pytest.mark.parametrize("case", REFERENCES)
def test_reference_of(case: str, results: dict[str, Any]) -> None:
    assert results[f"of_reference: {case}"] == REFERENCES[case][2]


@pytest.mark.parametrize("case", SERVICES)
def test_service_of(case: str, results: dict[str, Any]) -> None:
    assert results[f"of_service: {case}"].startswith(SERVICES[case][2])
