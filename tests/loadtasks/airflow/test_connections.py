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
    "nothing is configured": ({}, None, ["http://127.0.0.1:8000", None, "/healthz", None]),
    "environment": (ENVIRONMENT, None, ["http://environment:1", "t", "/healthz", None]),
    "environment with metrics": (
        ENVIRONMENT | {"LOADTASKS_METRICS_PATH": "/m"},
        None,
        ["http://environment:1", "t", "/healthz", "/m"],
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
        ["https://api.example:8443/base", None, "/healthz", None],
    ),
    "connection as a URI": (
        {CONNECTION: "http://:secret@api.example:81"},
        None,
        ["http://api.example:81", "secret", "/healthz", None],
    ),
    "a login is sent with its password": (
        {CONNECTION: json.dumps(FULL | {"login": "loadbot"})},
        None,
        ["https://api.example:8443", ["loadbot", "secret"], "/up", "/figures"],
    ),
    "user and password in the host": (
        {CONNECTION: json.dumps({"conn_type": "http", "host": "http://loadbot:p%40ss@api.example"})},
        None,
        ["http://api.example", ["loadbot", "p@ss"], "/healthz", None],
    ),
    "user and password in the environment": (
        {"LOADTASKS_TARGET": "loadbot:p%40ss@environment:1"},
        "http://environment:1/v2",
        ["http://environment:1/v2", ["loadbot", "p@ss"], "/healthz", None],
    ),
    "user and password stay here": (
        {"LOADTASKS_TARGET": "http://loadbot:p%40ss@environment:1"},
        "http://elsewhere:1",
        ["http://elsewhere:1", None, "/healthz", None],
    ),
    "host and port in one": (
        {CONNECTION: json.dumps({"conn_type": "http", "host": "api.example:8080"})},
        None,
        ["http://api.example:8080", None, "/healthz", None],
    ),
    "IPv6": (
        {CONNECTION: json.dumps({"conn_type": "http", "host": "::1", "port": 81})},
        None,
        ["http://[::1]:81", None, "/healthz", None],
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
        ["http://environment:2", None, "/healthz", None],
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
        ["http://approved:1", "t", "/healthz"],
    ),
    "environment, with its own token": (
        ENVIRONMENT | {"LOADTASKS_REFERENCE": "http://approved:1", "LOADTASKS_REFERENCE_TOKEN": "r"},
        None,
        ["http://approved:1", "r", "/healthz"],
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

READ_CASES = """
import json, os, sys
from loadtasks.airflow.connections import performance_reference, performance_target
from loadtasks.settings import read_settings
results = {}
for name, (environment, url, of_reference) in json.loads(os.environ["CASES"]).items():
    os.environ.update(environment)
    settings = read_settings()
    target = performance_target(settings) if of_reference else performance_target(settings, url)
    if of_reference:
        target = performance_reference(settings, target, url)
    login = target and (target.token or target.credentials)
    fields = [target.url, login, target.health_path, target.metrics_path] if target else None
    results[name] = fields[:3] if of_reference and fields else fields
    for variable in environment:
        del os.environ[variable]
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def results(airflow: AirflowProcess) -> dict[str, Any]:
    cases = {name: (environment, url, False) for name, (environment, url, _) in CASES.items()}
    cases |= {f"reference: {name}": (environment, url, True) for name, (environment, url, _) in REFERENCES.items()}
    return dict(airflow.evaluate(READ_CASES, CASES=json.dumps(cases)))


@pytest.mark.parametrize("case", CASES)
def test_target_of(case: str, results: dict[str, Any]) -> None:
    assert results[case] == CASES[case][2]


@pytest.mark.parametrize("case", REFERENCES)
def test_reference_of(case: str, results: dict[str, Any]) -> None:
    assert results[f"reference: {case}"] == REFERENCES[case][2]
