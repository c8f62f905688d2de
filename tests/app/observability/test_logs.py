import json
import logging
import re
import socket
import sys

import pytest
import websocket

from app.observability.logs import json_formatter
from tests.app.service import CRITERIA, STATS, Service

LINE = {"at", "level", "logger", "pid", "message"}


def lines(service: Service, logger: str) -> list[dict]:
    found = [json.loads(line) for line in service.log.read_text().splitlines()]
    return [line for line in found if line["logger"] == logger]


def test_every_line_is_a_json_object(start):
    service = start()
    service.get(STATS)
    service.stop()
    records = lines(service, "gunicorn.error")
    assert len(records) > 3
    assert all(set(line) >= LINE for line in records)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", records[0]["at"])


def test_a_traceback_is_one_line():
    try:
        raise ValueError("first\nsecond")  # noqa: TRY301
    except ValueError:
        record = logging.LogRecord("app", logging.ERROR, "", 0, "it %s\nfailed", ("has",), sys.exc_info())
    line = json_formatter().format(record)
    assert "\n" not in line
    assert json.loads(line)["message"] == "it has\nfailed"
    assert json.loads(line)["exception"].endswith("ValueError: first\nsecond")


def test_requests_are_logged_only_where_the_setting_says_so(start):
    quiet = start()
    quiet.get(STATS)
    quiet.stop()
    assert lines(quiet, "app.access") == []

    service = start(APP_ACCESS_LOG="1")
    service.get(STATS, headers={"X-Request-ID": "one"}, params={"secret": "s3cr3t"})
    service.get("/nówhere", headers={"X-Request-ID": "two"})
    service.listen().close()
    service.stop()
    named = {line["request_id"]: line for line in lines(service, "app.access") if line["path"] != "/healthz"}
    chosen = ("method", "path", "route", "status")
    assert [named["one"][name] for name in chosen] == ["GET", STATS, STATS, 200]
    assert [named["two"][name] for name in chosen] == ["GET", "/nówhere", "unmatched", 404]
    assert 0 < named["one"]["duration_s"] < 10
    assert sorted(line["status"] for line in named.values()) == [101, 200, 404]
    assert "s3cr3t" not in service.log.read_text()


def test_tokens_are_never_logged(start):
    service = start(APP_ACCESS_LOG="1", APP_CACHE="off", APP_LOG_LEVEL="DEBUG")
    wrong = "a-wrong-token"
    service.get(STATS, params={"access_token": service.token})
    service.get(STATS, token=wrong)
    service.get(f"/token={wrong}")
    service.listen().close()
    with pytest.raises(websocket.WebSocketBadStatusException):
        service.listen(wrong)
    with service.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE documents")
    assert service.get(CRITERIA).status_code == 500
    for header in (f"Authorization: Bearer {service.token}\x01", f"Bearer {service.token}"):
        host, port = service.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(f"GET / HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n".encode("latin-1"))
            assert connection.recv(1000).startswith(b"HTTP/1.1 400")
    service.stop()
    log = service.log.read_text()
    assert len(lines(service, "app.access")) >= 6
    assert service.token not in log
    assert wrong not in log
