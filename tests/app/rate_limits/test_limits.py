"""Rate limits of the real service, of tokens that are not exempt and of those that are."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from app.config.model import DEFAULT_CRITERIA
from app.storage.database import AppDatabase
from tests.app.service import CRITERIA, SESSIONS, STATS, Service, running
from tests.redis_server import RedisServer

DOCUMENT = DEFAULT_CRITERIA.model_dump(mode="json")
USER = ("read", "write")
HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
LIMITED = [("GET", STATS, 60), ("GET", SESSIONS, 120), ("GET", CRITERIA, 120), ("PUT", CRITERIA, 10)]
BEYOND = 20
THREADS = 20


def send(service: Service, method: str, path: str, token: str, **headers: str) -> requests.Response:
    """Send a request on a new connection, so that threads may call it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named["Authorization"] = f"Bearer {token}"
    body = DOCUMENT if method == "PUT" else None
    return requests.request(method, service.url + path, headers=named, json=body, timeout=20)


def statuses(services: list[Service], method: str, path: str, token: str, count: int, **headers: str) -> Counter[int]:
    """What many threads get at once, by turns from each of the services."""

    def one(number: int) -> int:
        return send(services[number % len(services)], method, path, token, **headers).status_code

    with ThreadPoolExecutor(THREADS) as threads:
        return Counter(threads.map(one, range(count)))


@pytest.mark.parametrize(("method", "path", "limit"), LIMITED)
def test_a_user_gets_exactly_the_limit(service: Service, method: str, path: str, limit: int):
    token, another = (service.new_token(*USER, name=f"{name} {method} {path}"[:64]) for name in ("me", "you"))
    found = statuses([service], method, path, token, limit + BEYOND)
    assert found == {200: limit, 429: BEYOND}
    assert send(service, method, path, another).status_code == 200


def test_the_headers(service: Service):
    token = service.new_token(*USER, name="headers")
    responses = [send(service, "PUT", CRITERIA, token) for _ in range(11)]
    assert [one.headers["RateLimit-Limit"] for one in responses] == ["10"] * 11
    assert [int(one.headers["RateLimit-Remaining"]) for one in responses] == [*reversed(range(10)), 0]
    assert all(1 <= int(one.headers["RateLimit-Reset"]) <= 60 for one in responses)
    refused = responses[-1]
    assert (refused.status_code, refused.headers["Content-Type"]) == (429, "application/problem+json")
    assert refused.headers["Retry-After"] == refused.headers["RateLimit-Reset"]
    assert refused.json()["title"] == "Too Many Requests"
    assert "10 requests of config-changes in any 60 s;" in refused.json()["detail"]
    assert send(service, "GET", CRITERIA, token).headers["RateLimit-Remaining"] == "119"


def test_every_response_of_a_limited_route_has_the_headers(service: Service):
    token = service.new_token(*USER, name="every response")
    etag = send(service, "GET", STATS, token).headers["ETag"]
    unchanged = send(service, "GET", STATS, token, If_None_Match=etag)
    assert (unchanged.status_code, unchanged.headers["RateLimit-Remaining"]) == (304, "58")
    for path, status in ((f"{SESSIONS}/987654321", 404), (f"{SESSIONS}?page=0", 422), (f"{SESSIONS}/1", 200)):
        response = send(service, "GET", path, token)
        assert response.status_code == status
        assert set(HEADERS) <= set(response.headers)
    # A list and its items are counted together, and a reading of the history with that of the document.
    assert send(service, "GET", SESSIONS, token).headers["RateLimit-Remaining"] == "116"
    assert send(service, "GET", CRITERIA, token).headers["RateLimit-Remaining"] == "119"
    assert send(service, "GET", f"{CRITERIA}/history", token).headers["RateLimit-Remaining"] == "118"
    assert send(service, "OPTIONS", STATS, token).headers.keys().isdisjoint(HEADERS)


def test_refused_tokens_are_not_counted(service: Service):
    reader = service.new_token("read", name="reader")
    assert statuses([service], "PUT", CRITERIA, reader, 11) == {403: 11}
    assert statuses([service], "GET", STATS, "wrong", 61) == {401: 61}
    assert send(service, "GET", STATS, reader).headers["RateLimit-Remaining"] == "59"


def test_two_tokens_of_a_user_share_the_limit(service: Service):
    first, second = (service.new_token(*USER, name="twice") for _ in range(2))
    assert send(service, "GET", STATS, first).headers["RateLimit-Remaining"] == "59"
    assert send(service, "GET", STATS, second).headers["RateLimit-Remaining"] == "58"


def test_load_tests_are_exempt_where_they_are_allowed(service: Service):
    token = service.new_token("read", "load-test", name="exempt")
    assert statuses([service], "GET", STATS, token, 60 + BEYOND) == {200: 60 + BEYOND}
    assert send(service, "GET", STATS, token).headers.keys().isdisjoint(HEADERS)


def test_load_tests_are_limited_like_others_where_they_are_not_allowed(start: Callable[..., Service]):
    service = start(APP_ALLOW_LOAD_TEST="0")
    token = service.new_token(*USER, "load-test")
    found = statuses([service], "PUT", CRITERIA, token, 10 + BEYOND, X_Load_Test_User="somebody")
    assert found == {200: 10, 429: BEYOND}
    assert statuses([service], "PUT", CRITERIA, token, 1, X_Load_Test_User="somebody else") == {429: 1}


def test_load_tests_may_be_limited_as_simulated_users(service: Service):
    token, real = service.new_token(), service.new_token(*USER, name="real")
    found = statuses([service], "PUT", CRITERIA, token, 10 + BEYOND, X_Load_Test_User="real")
    assert found == {200: 10, 429: BEYOND}
    assert statuses([service], "PUT", CRITERIA, token, 1, X_Load_Test_User="another") == {200: 1}
    assert send(service, "PUT", CRITERIA, real).headers["RateLimit-Remaining"] == "9"
    # Others don't get round their limit by calling themselves something else.
    assert send(service, "PUT", CRITERIA, real, X_Load_Test_User="x").headers["RateLimit-Remaining"] == "8"


@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "a/b", "é"])
def test_invalid_names_of_simulated_users_are_refused(service: Service, name: str):
    response = send(service, "GET", STATS, service.token, X_Load_Test_User=name.encode().decode("latin-1"))
    assert response.status_code == 400
    assert "X-Load-Test-User" in response.json()["detail"]


def test_a_refused_request_reaches_neither_the_database_nor_a_fault(start: Callable[..., Service]):
    service = start(APP_FAULTS="config:fail=503")
    token = service.new_token(*USER)
    assert statuses([service], "PUT", CRITERIA, token, 11) == {503: 10, 429: 1}
    timing = send(service, "PUT", CRITERIA, token).headers["Server-Timing"]
    assert "db;dur=0.000" in timing


def test_refusals_are_counted_by_route(start: Callable[..., Service]):
    service = start()
    statuses([service], "PUT", CRITERIA, service.new_token(*USER), 13)
    figures = requests.get(service.url + "/metrics", timeout=10).text
    assert f'rate_limit_rejections_total{{method="PUT",route="{CRITERIA}"}} 3.0' in figures


@pytest.fixture
def instances(tmp_path: Path, database: AppDatabase, redis_server: RedisServer) -> Iterator[list[Service]]:
    """Two instances that share a database and a Redis."""
    with ExitStack() as stack:
        folders = [tmp_path / name for name in ("one", "two")]
        for folder in folders:
            folder.mkdir()
        yield [stack.enter_context(running(database, folder, APP_REDIS_URL=redis_server.url)) for folder in folders]


def test_two_instances_over_one_redis_let_exactly_the_limit_through(
    instances: list[Service], redis_server: RedisServer
):
    token = instances[0].new_token(*USER)
    assert statuses(instances, "GET", STATS, token, 60 + BEYOND) == {200: 60, 429: BEYOND}
    redis_server.stop()
    assert statuses(instances, "GET", STATS, token, 2) == {200: 2}
