import socket
from urllib.parse import urlsplit

import pytest
import requests

from app.config.model import DEFAULT_CRITERIA
from tests.app.service import CRITERIA, SESSIONS, STATS, Service


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/nowhere", {}, 404),
        ("GET", "/api/v1/nowhere", {}, 404),
        ("DELETE", STATS, {}, 405),
        ("GET", "/api/v1/events", {}, 426),
        ("PUT", CRITERIA, {"data": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ("PUT", CRITERIA, {"data": b"\xff", "headers": {"Content-Type": "application/json"}}, 400),
        ("PUT", CRITERIA, {"data": b"", "headers": {"Content-Type": "application/json"}}, 400),
        ("PUT", CRITERIA, {"data": b"{}", "headers": {"Content-Type": "text/plain"}}, 415),
        ("POST", SESSIONS, {"json": []}, 422),
    ],
)
def test_every_error_is_a_problem_document(service: Service, method: str, path: str, options: dict, status: int):
    response = service.call(method, path, **options)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert (problem["status"], problem["instance"], problem["type"]) == (status, path, "about:blank")
    assert problem["title"]
    assert problem["detail"]


def test_a_large_body_is_not_read(service: Service):
    headers = {"Authorization": f"Bearer {service.token}", "Content-Type": "application/json"}
    response = requests.put(service.url + CRITERIA, data=b" " * 65_537, headers=headers, timeout=10)
    assert (response.status_code, response.json()["status"]) == (413, 413)


def test_a_large_body_of_unknown_length_is_not_read_to_its_end(service: Service):
    headers = {"Authorization": f"Bearer {service.token}", "Content-Type": "application/json"}
    document = DEFAULT_CRITERIA.model_dump_json().encode()
    small = requests.put(service.url + CRITERIA, data=iter([document]), headers=headers, timeout=10)
    assert small.status_code == 200
    chunks = [document, *[b" " * 1024] * 64]
    response = requests.put(service.url + CRITERIA, data=iter(chunks), headers=headers, timeout=10)
    assert (response.status_code, response.headers["Content-Type"]) == (413, "application/problem+json")


def test_a_wrong_method_is_refused_with_the_right_ones(service: Service):
    assert "GET" in service.call("DELETE", STATS).headers["Allow"]


def test_an_unexpected_error_is_a_500_and_logged_in_one_line(start):
    service = start(APP_CACHE="off")
    service.start_session()
    with service.database.write() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("DROP TABLE documents")
    response = service.get(CRITERIA)
    assert (response.status_code, response.json()["title"]) == (500, "Internal Server Error")
    assert "documents" not in response.text
    lines = [line for line in service.log.read_text().splitlines() if '"level": "error"' in line]
    assert len(lines) == 1
    assert f"GET {CRITERIA} failed" in lines[0]
    assert "no such table: documents" in lines[0]


def test_health_and_version_need_no_token(service: Service):
    health = requests.get(service.url + "/healthz", timeout=10)
    assert (health.status_code, health.json()) == (200, {"status": "ok", "database": "ok", "redis": "off"})
    version = requests.get(service.url + "/version", timeout=10)
    assert version.json() == {"name": "optimisation-service", "version": "0.1.0", "revision": "abc123"}


def test_health_fails_with_the_database(start):
    service = start()
    with service.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE sessions")
    response = requests.get(service.url + "/healthz", timeout=10)
    assert response.status_code == 503
    assert "database" in response.json()["detail"]


_MALFORMED = {
    "no size": b"zz\r\n{}\r\n0\r\n\r\n",
    "a negative size": b"-2\r\n{}\r\n0\r\n\r\n",
    "an endless size": b"1" * 9000,
    "no line end after a chunk": b"2\r\n{}0\r\n\r\n",
    "a chunk that is shorter than it says": b"5\r\n{}\r\n0\r\n\r\n",
    "cut within a chunk": b"5\r\n{}",
    "cut after a chunk": b"2\r\n{}\r\n",
    "cut before its end": b"2\r\n{}\r\n0\r\n",
    "a trailer that is none": b"2\r\n{}\r\n0\r\nbad trailer\r\n\r\n",
}


@pytest.mark.parametrize("name", _MALFORMED)
def test_malformed_chunks_are_a_400_and_no_error_of_the_service(service: Service, name: str):
    logged = len(service.log.read_text())
    address = urlsplit(service.url)
    head = f"PUT {CRITERIA} HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {service.token}\r\n"
    head += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(head.encode() + _MALFORMED[name])
        connection.shutdown(socket.SHUT_WR)
        response = connection.makefile("rb").read()
    assert response.startswith(b"HTTP/1.1 400 ")
    assert b'"status":400' in response
    assert response.count(b"HTTP/1.1 ") == 1
    written = service.log.read_text()[logged:]
    assert "Traceback" not in written
    assert '"level": "error"' not in written


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"time_limit_s": ' + b"9" * 5000 + b"}",
        b'{"time_limit_s": NaN}',
        b'{"time_limit_s": -Infinity}',
        b'{"target": "\\ud800"}',
        b'{"target": "\xed\xa0\x80"}',
        b'{"target": "\x00"}',
        "{}".encode("utf-16"),
    ],
    ids=range(9),
)
def test_a_body_that_is_no_json_is_a_400(service: Service, body: bytes):
    response = service.call("PUT", CRITERIA, data=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.headers["Content-Type"]) == (400, "application/problem+json")
    assert response.json()["detail"].startswith("The body is not JSON: ")
