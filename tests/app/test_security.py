"""The claims of docs/security.md that no other test covers, and whether the tests that it names exist."""

import ast
import re

import pytest
import requests

from tests.app.service import ROOT, SESSIONS, Service

CITED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs/security.md").read_text())
OUTGOING = {"aiohttp", "ftplib", "http", "httpx", "poplib", "requests", "smtplib", "urllib", "urllib3", "subprocess"}


@pytest.mark.parametrize("file", sorted({file for file, _ in CITED}))
def test_every_test_that_is_named_exists(file: str):
    there = {node.name for node in ast.parse((ROOT / file).read_text()).body if isinstance(node, ast.FunctionDef)}
    assert {name for cited, name in CITED if cited == file} <= there


def test_every_risk_has_a_test():
    sections = (ROOT / "docs/security.md").read_text().split("\n## ")[1:]
    assert [section.partition(":")[0] for section in sections] == [f"API{number}" for number in range(1, 11)]
    assert all("\n- `tests/" in section for section in sections)


def test_every_route_below_api_needs_a_token(service: Service):
    paths = requests.get(service.url + "/openapi.json", timeout=10).json()["paths"]
    protected = [(path, method) for path, methods in paths.items() if path.startswith("/api/") for method in methods]
    assert len(protected) >= 7
    for path, method in protected:
        response = requests.request(method, service.url + re.sub(r"{\w+}", "1", path), timeout=10)
        assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer"), (path, method)


def test_every_token_sees_all_sessions(service: Service):
    started = service.start_session().json()
    seen = service.get(f"{SESSIONS}/{started['id']}", token=service.new_token("read"))
    assert (seen.status_code, seen.json()["id"]) == (200, started["id"])


@pytest.mark.parametrize("field", ["id", "status", "created_at", "speedup"])
def test_what_the_service_sets_cannot_be_set_by_clients(service: Service, field: str):
    refused = service.start_session(**{field: 1})
    assert (refused.status_code, [error["field"] for error in refused.json()["errors"]]) == (422, [field])


def test_the_service_can_send_no_request():
    for path in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] not in OUTGOING or name in ("http", "urllib.parse"), path
