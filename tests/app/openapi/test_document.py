import json
import re

import pytest
import requests
from flask import Flask

from app.application import create_app
from app.settings import Settings
from app.web.components import EXTENSION
from tests.app.service import Service, environ_for


@pytest.fixture
def application(tmp_path, database):
    made = create_app(Settings.from_environ(environ_for(tmp_path)))
    yield made
    made.extensions[EXTENSION].close()


@pytest.fixture(scope="module")
def document(service: Service) -> dict:
    response = requests.get(service.url + "/openapi.json", timeout=10)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
    return response.json()


def parameter(document: dict, path: str, name: str) -> dict:
    """A parameter of a GET operation."""
    (found,) = [given for given in document["paths"][path]["get"]["parameters"] if given["name"] == name]
    return found


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


def test_every_operation_has_a_summary_and_its_scope(document: dict):
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
    size = parameter(document, "/api/v1/optimization/sessions", "page_size")
    assert size["schema"] == {"type": "integer", "default": 20, "minimum": 1, "maximum": 100}
    criteria = document["components"]["schemas"]["Criteria"]
    assert criteria["additionalProperties"] is False
    assert criteria["properties"]["time_limit_s"]["description"] == "Seconds that a session may take."


def test_every_model_and_its_docstrings_are_in_it(document: dict):
    schemas = document["components"]["schemas"]
    assert all(schema["description"] for schema in schemas.values())
    assert "title" not in json.dumps(list(schemas["Session"]["properties"].values()))
    cursor = parameter(document, "/api/v1/optimization/sessions", "cursor")["description"]
    assert cursor.startswith("The `next` of a response")
    assert "\n" not in cursor


def test_the_page_names_everything_and_loads_nothing(service: Service, document: dict):
    response = requests.get(service.url + "/docs", timeout=10)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    for path, methods in document["paths"].items():
        assert path in response.text
        assert all(f'id="{one["operationId"]}"' in response.text for one in methods.values())
    targets = set(re.findall(r'href="#([^"]+)"', response.text))
    assert targets == set(re.findall(r' id="([^"]+)"', response.text))
    assert set(re.findall(r'(?:src|href)="([^#"][^"]*)"', response.text)) == {"/openapi.json"}
    assert "<script" not in response.text
    assert "@import" not in response.text
    assert "url(" not in response.text
