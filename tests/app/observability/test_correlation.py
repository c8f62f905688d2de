import json
import re

import pytest
import requests
import websocket

from app.observability.correlation import Correlation
from tests.app.service import CRITERIA, STATS, Service

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
NEW_ID = "[0-9a-f]{32}"


@pytest.mark.parametrize("given", ["a", "x" * 128, "Root=1-67891233-abcdef", "b7:c/1+f@2._", "0" * 32])
def test_a_sane_id_is_kept(service: Service, given: str):
    assert service.get("/version", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a,b", 'a"b', "<b>", "ä".encode().decode("latin-1")])
def test_any_other_id_is_replaced(service: Service, given: str):
    assert re.fullmatch(NEW_ID, service.get("/version", headers={"X-Request-ID": given}).headers["X-Request-ID"])


@pytest.mark.parametrize(
    ("method", "path", "token", "status"),
    [
        ("GET", STATS, None, 200),
        ("GET", STATS, "wrong", 401),
        ("GET", "/nowhere", None, 404),
        ("DELETE", STATS, None, 405),
        ("PUT", CRITERIA, None, 415),
        ("GET", "/api/v1/events", None, 426),
    ],
)
def test_every_response_has_an_id_of_its_own(service: Service, method: str, path: str, token: str | None, status: int):
    responses = [service.call(method, path, token=token) for _ in range(2)]
    assert [response.status_code for response in responses] == [status] * 2
    ids = [response.headers["X-Request-ID"] for response in responses]
    assert all(re.fullmatch(NEW_ID, one) for one in ids)
    assert ids[0] != ids[1]


def test_upgrades_have_the_id_too(service: Service):
    url = service.url.replace("http://", "ws://") + "/api/v1/events"
    header = ["X-Request-ID: mine"]
    client = websocket.create_connection(url, header=[*header, f"Authorization: Bearer {service.token}"], timeout=10)
    assert client.getheaders()["x-request-id"] == "mine"
    client.close()
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        websocket.create_connection(url, header=[*header, "Authorization: Bearer wrong"], timeout=10)
    assert refused.value.resp_headers["x-request-id"] == "mine"


@pytest.mark.parametrize(
    "given",
    [f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00", f"01-{TRACE}-{PARENT}-01", f"cc-{TRACE}-{PARENT}-01-what"],
)
def test_a_trace_is_taken_up(given: str):
    correlation = Correlation.from_environ({"HTTP_TRACEPARENT": given})
    assert (correlation.trace_id, correlation.parent_id) == (TRACE, PARENT)


@pytest.mark.parametrize(
    "given",
    [
        "",
        f"00-{TRACE}-{PARENT}",
        f"00-{TRACE}-{PARENT}-01-what",
        f"00-{TRACE}-{PARENT}-01\n",
        f"01-{TRACE}-{PARENT}-01what",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[1:]}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01,00-{TRACE}-{PARENT}-01",
    ],
)
def test_a_malformed_one_begins_a_new_trace(given: str):
    correlation = Correlation.from_environ({"HTTP_TRACEPARENT": given})
    assert re.fullmatch("(?!0{32})[0-9a-f]{32}", correlation.trace_id)
    assert (correlation.trace_id != TRACE, correlation.parent_id) == (True, None)


def test_log_lines_of_a_request_carry_its_ids(start):
    service = start(APP_CACHE="off")
    with service.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE documents")
    headers = {"X-Request-ID": "mine", "traceparent": f"00-{TRACE}-{PARENT}-01"}
    assert service.get(CRITERIA, headers=headers).status_code == 500
    assert service.get(CRITERIA).status_code == 500
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    first, second = (line for line in lines if line["level"] == "error")
    assert (first["request_id"], first["trace_id"], first["parent_id"]) == ("mine", TRACE, PARENT)
    assert second["request_id"] not in ("", "mine")
    assert "parent_id" not in second


def test_lines_outside_of_requests_carry_no_ids(start):
    service = start(APP_THREADS="1")
    assert service.get("/version", headers={"X-Request-ID": "mine"}).ok
    requests.get(service.url + "/version", headers={"Content-Length": "what"}, timeout=10)
    refused = [line for line in service.log.read_text().splitlines() if "Invalid request" in line]
    assert len(refused) == 1
    assert "request_id" not in json.loads(refused[0])
