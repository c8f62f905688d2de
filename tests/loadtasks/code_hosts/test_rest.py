"""A REST API that is at its limit, down, slow or hostile."""

import time
from typing import Any

import pytest
from pydantic import SecretStr

from loadtasks.ci_variables import CiVariables
from loadtasks.code_hosts.rest import CodeHostError, RestApi
from loadtasks.code_hosts.review_place import Platform, ReviewPlace
from loadtasks.steps.commenting import NotPostedError, comment
from tests.servers import dripping, ok, scripted


def answers(*several: bytes) -> Any:
    left = list(several)
    return lambda connection, request: connection.sendall(left.pop(0) if len(left) > 1 else left[0]) or True


def api(url: str, waits: list[float] | None = None) -> RestApi:
    return RestApi(url, SecretStr("t0ken"), sleep=(waits if waits is not None else []).append)


LIMITED = ok(b'{"message": "slow down"}', "Retry-After: 7", status="429 Too Many Requests")
SECONDARY = ok(b"{}", "Retry-After: 3", status="403 Forbidden")
DOWN = ok(b"", status="502 Bad Gateway")


def test_a_rate_limit_is_waited_for_as_long_as_it_asks() -> None:
    waits: list[float] = []
    with scripted(answers(LIMITED, SECONDARY, ok(b'{"id": 1}'))) as server:
        assert api(server.url, waits).call("POST", "/x", content={"body": "b"}) == {"id": 1}
    assert waits == [7.0, 3.0]


def test_a_limit_of_minutes_is_not_waited_for() -> None:
    waits: list[float] = []
    hours = ok(b"{}", "Retry-After: 3600", status="429 Too Many Requests")
    refused = pytest.raises(CodeHostError, match=r"status 429; it asks to wait for 3,600 s")
    with scripted(answers(hours)) as server, refused:
        api(server.url, waits).call("GET", "/x")
    assert not waits


def test_what_may_have_been_done_is_not_done_again() -> None:
    with scripted(answers(DOWN, ok(b"[]"))) as server:
        assert api(server.url).call("GET", "/x") == []
    with scripted(answers(DOWN, ok(b"{}"))) as server, pytest.raises(CodeHostError, match="status 502"):
        api(server.url).call("POST", "/x", content={"body": "b"})


def test_what_was_sent_to_a_server_that_hung_up_is_not_sent_again() -> None:
    with scripted(lambda connection, request: False) as server:
        with pytest.raises(CodeHostError, match="no usable response"):
            api(server.url).call("POST", "/x", content={"body": "b"})
        assert len(server.requests) == 1


def test_a_server_that_quotes_the_request_gets_no_token_shown_not_even_a_piece() -> None:
    token = "ghs_" + "s3cret" * 5
    said = f'{{"message": "{"x" * 190} Bearer {token} again"}}'.encode()
    with scripted(answers(ok(said, status="403 Forbidden"))) as server, pytest.raises(CodeHostError) as raised:
        RestApi(server.url, SecretStr(token)).call("GET", "/x")
    assert "ghs_" not in str(raised.value)


def test_pages_end_somewhere() -> None:
    full = b"[" + b",".join([b"{}"] * 100) + b"]"
    with scripted(answers(ok(full))) as server, pytest.raises(CodeHostError, match="more than 3,000 entries"):
        list(api(server.url).pages("/x"))


def test_a_server_that_sends_a_byte_now_and_then_is_given_up() -> None:
    began = time.monotonic()
    variables = {"github_token": SecretStr("t0ken")}
    with scripted(dripping(b"HTTP/1.1 200 OK\r\n\r\n[", b" ")) as server:
        given = CiVariables.model_construct(None, **variables, github_api_url=server.url)
        place = ReviewPlace(Platform.GITHUB, "acme/shop", number=7)
        with pytest.raises(NotPostedError, match=r"GitHub \(it was not done within 0.3 s\)"):
            comment(place, given, "text", deadline_s=0.3)
    assert time.monotonic() - began < 5
