"""What is written: each request's own trace context in bytes that are otherwise made once."""

import re
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from requests.adapters import HTTPAdapter

from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.http.request_encoder import RequestEncoder
from loadtasks.engine.net.target import Target
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.engine.runners.request_source import RequestSource
from loadtasks.scenarios.load import ClosedLoad
from loadtasks.scenarios.model import HttpScenario, Request
from tests.loadtasks.engine.http_runs import ONE, TEN, run, scenario
from tests.servers import answering, ok, scripted

TARGET = Target("http://127.0.0.1:8000")
TRACEPARENT = re.compile(rb"\r\ntraceparent: (00-([0-9a-f]{32})-([0-9a-f]{16})-00)\r\n")
"""https://www.w3.org/TR/trace-context/#traceparent-header"""


def sent(exchange: Exchange) -> tuple[str, str, str]:
    """The trace context in an exchange's bytes: the whole, trace id, parent id."""
    (found,) = TRACEPARENT.findall(exchange.data)
    whole, trace, parent = (part.decode() for part in found)
    return whole, trace, parent


def test_every_request_has_a_trace_context_of_its_own() -> None:
    source = RequestSource(scenario(TEN, Request(path="/a"), Request(method="POST", path="/b", json={"n": 1})), TARGET)
    first = [source.next(0.0) for _ in range(300)]
    source.rewind()
    contexts = [sent(exchange) for exchange in [*first, source.next(0.0)]]
    assert [int(parent, 16) for _, _, parent in contexts] == list(range(1, 302))
    assert all(trace[16:] == parent for _, trace, parent in contexts)
    assert len({trace[:16] for _, trace, _ in contexts}) == 1
    assert contexts[-1][0] not in {whole for whole, _, _ in contexts[:-1]}  # after the warm-up, too
    other = sent(RequestSource(scenario(TEN, Request(path="/a")), TARGET).next(0.0))
    assert other[1][:16] != contexts[0][1][:16]


def test_an_exchange_tells_the_context_that_it_sent() -> None:
    source = RequestSource(scenario(TEN, Request(path="/a"), Request(method="POST", path="/b", json={"n": 1})), TARGET)
    for exchange in [source.next(0.0) for _ in range(4)]:
        assert exchange.traceparent == sent(exchange)[0]


def test_a_scenarios_own_context_is_left_alone() -> None:
    own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    exchange = RequestSource(scenario(TEN, Request(path="/a", headers={"TraceParent": own})), TARGET).next(0.0)
    assert exchange.data.lower().count(b"traceparent") == 1
    assert exchange.traceparent == own


def test_the_slowest_requests_name_the_context_that_the_target_saw() -> None:
    with scripted(answering(ok())) as server:
        scenario = HttpScenario(
            name="thing.test",
            endpoint="thing",
            requests=(Request(path="/thing"),),
            load=ClosedLoad(workers=2, requests=5),
            warmup_requests=3,
        )
        (measurement,) = run_scenario(scenario, Target(server.url))
    seen = [found[0].decode() for request in server.requests for found in TRACEPARENT.findall(request)]
    assert len(set(seen)) == len(server.requests) == 8
    assert {exemplar.traceparent for exemplar in measurement.exemplars} == set(seen[3:])


def test_bytes_on_the_wire_are_those_that_requests_sends() -> None:
    with scripted(answering(ok())) as server:
        described = Request(
            method="POST",
            path="/a b/ü",
            query={"q": "x y&z", "many": [1, 2]},
            headers={"X-Trace": "on"},
            json={"name": "Zoë", "n": 1},
        )
        (measurement,) = run_scenario(scenario(ONE, described), Target(server.url + "/base", token="secret"))
        assert measurement.counts.completed == 1
        session = requests.Session()
        session.trust_env = False
        session.headers.update({"User-Agent": "loadtasks", "Accept-Encoding": "gzip, deflate"})
        session.request(
            "POST",
            server.url + "/base/a b/ü",
            params={"q": "x y&z", "many": [1, 2]},
            headers={"Authorization": "Bearer secret", "X-Trace": "on"},
            json={"name": "Zoë", "n": 1},
        )
        ours, theirs = server.requests
        traced = re.compile(rb"traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-00\r\n")
        assert traced.sub(b"", ours, count=1) == theirs != ours


@given(
    st.sampled_from(["", "/base", "/bä/%20", "/v1//x"]),
    st.text('ab/.%2eEf?#&= ü\\:@[]"{}', max_size=10).map("/{}".format),
    st.dictionaries(
        st.text(min_size=1, max_size=3),
        st.text(max_size=4) | st.integers() | st.lists(st.sampled_from(["a", 1, 1.5]), max_size=3),
        max_size=3,
    ),
)
def test_the_target_on_the_wire_is_that_of_requests_or_the_path_is_refused(
    prefix: str, path: str, query: dict[str, Any]
) -> None:
    try:
        request = Request(path=path, query=query)
    except ValidationError:
        return
    line = RequestEncoder(Target(f"http://127.0.0.1:8000{prefix}")).encode(request).before.split(b"\r\n")[0].decode()
    prepared = requests.Request("GET", f"http://127.0.0.1:8000{prefix}{path}", params=query).prepare()
    assert line == f"GET {HTTPAdapter().request_url(prepared, {})} HTTP/1.1"
    given_path, mark, given_query = path.partition("?")
    sent_path, _, sent_query = line.split(" ")[1].partition("?")
    assert unquote_to_bytes(sent_path) == unquote_to_bytes(f"{prefix}{given_path}")
    own = sent_query.split("&")[: given_query.count("&") + 1] if mark else []
    assert unquote_to_bytes("&".join(own)) == unquote_to_bytes(given_query)


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("HTTP://API.example:80/V1/", "api.example", "/V1/thing"),
        ("http://Bücher.example:81", "xn--bcher-kva.example:81", "/thing"),
        ("http://my_service:8000", "my_service:8000", "/thing"),
        ("http://[2001:DB8::1]:8000/ü", "[2001:db8::1]:8000", "/%C3%BC/thing"),
        ("http://loadbot:s3cret-Pw@127.0.0.1:8000", "127.0.0.1:8000", "/thing"),
    ],
)
def test_an_address_becomes_host_and_target(url: str, host: str, target: str) -> None:
    sent = RequestEncoder(Target(url)).encode(Request(path="/thing"))
    lines = (sent.before + sent.after).decode().split("\r\n")
    assert lines[:2] == [f"GET {target} HTTP/1.1", f"Host: {host}"]
    assert ("Authorization: Basic bG9hZGJvdDpzM2NyZXQtUHc=" in lines) == ("s3cret" in url)


def test_the_host_header_of_an_ipv6_address_is_bracketed() -> None:
    with scripted(answering(ok()), host="::1") as server:
        run(server, scenario(TEN))
        assert all(f"\r\nHost: [::1]:{server.port}\r\n".encode() in request for request in server.requests)
