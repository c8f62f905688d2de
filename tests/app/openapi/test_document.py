import json
import re

import pytest
import requests
from flask import Flask

from app.application import create_app
from app.openapi.schema_docs import describe_fields
from app.services import EXTENSION
from app.settings import Settings
from tests.app.service import Service, environ_for


@pytest.fixture
def application(tmp_path, database):
    made = create_app(Settings.from_environ(environ_for(tmp_path)))
    yield made
    made.extensions[EXTENSION].close()


@pytest.fixture(scope="module")
def document(service: Service) -> dict:
    answer = requests.get(service.url + "/openapi.json", timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    return answer.json()


def test_every_route_is_documented_and_nothing_else(application: Flask, document: dict):
    routed = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in application.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    documented = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert documented == routed


def test_every_reference_leads_somewhere(document: dict):
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))):
        part = document
        for name in reference.split("/"):
            part = part[name]


def test_every_operation_says_what_it_does_and_whom_it_lets(document: dict):
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            assert described["summary"]
            assert ("security" in described) == path.startswith("/api/")
            if "security" in described:
                assert described["security"] == [{"token": ["read" if method == "get" else "write"]}]
                assert {"401", "403"} <= set(described["responses"])


def test_the_token_is_described(document: dict):
    assert document["components"]["securitySchemes"]["token"] == {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
    }


def test_limits_and_words_of_the_models_are_in_it(document: dict):
    parameters = document["paths"]["/api/v1/optimization/sessions"]["get"]["parameters"]
    size = next(one for one in parameters if one["name"] == "page_size")
    assert size["schema"] == {"type": "integer", "default": 20, "minimum": 1, "maximum": 100}
    criteria = document["components"]["schemas"]["Criteria"]
    assert criteria["additionalProperties"] is False
    assert criteria["properties"]["time_limit_s"]["description"] == "Seconds that a session may take."


def test_the_sections_of_docstrings_become_descriptions():
    text = "A thing.\n\nAttributes:\n    size: Its size,\n        in bytes.\n    name: ``x``."
    schema = {"title": "T", "description": text, "properties": {"size": {"title": "Size"}, "name": {}, "other": {}}}
    assert describe_fields(schema) == {
        "description": "A thing.",
        "properties": {"size": {"description": "Its size, in bytes."}, "name": {"description": "`x`."}, "other": {}},
    }


def test_the_page_names_everything_and_loads_nothing(service: Service, document: dict):
    answer = requests.get(service.url + "/docs", timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    for path, methods in document["paths"].items():
        assert path in answer.text
        assert all(f'id="{one["operationId"]}"' in answer.text for one in methods.values())
    targets = set(re.findall(r'href="#([^"]+)"', answer.text))
    assert targets == set(re.findall(r' id="([^"]+)"', answer.text))
    assert set(re.findall(r'(?:src|href)="([^#"][^"]*)"', answer.text)) == {"/openapi.json"}
    assert "<script" not in answer.text
    assert "@import" not in answer.text
    assert "url(" not in answer.text
