"""The target's own metrics, before and after."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from loadtasks.engine.http.metrics_reader import MAX_SERIES, Snapshot, compare_metrics, read_metrics
from loadtasks.engine.net.target import Target
from loadtasks.measurement.target_metrics import TargetMetrics
from loadtasks.redaction.redactor import Redactor
from tests.servers import answering, free_port, ok, scripted

TEXT = """
# TYPE requests_total counter
requests_total{route="/a"} 5
requests_total{route="/b"} 1
# TYPE pool_max gauge
pool_max 4
# TYPE latency histogram
latency_bucket{le="1"} 3
latency_bucket{le="+Inf"} 6
latency_sum 2.5
latency_count 6
untyped_total 7
untyped 8
# TYPE quantiles summary
quantiles{quantile="0.5"} 0.1
quantiles_count 9
# TYPE odd gauge
odd NaN
"""


@contextmanager
def serving(text: str, path: str | None = None, status: str = "200 OK") -> Iterator[Target]:
    with scripted(answering(ok(text.encode(), status=status))) as server:
        yield Target(server.url, metrics_path=path)


def snapshot_of(text: str) -> Snapshot:
    with serving(text) as target:
        return read_metrics(target)


def test_counters_and_gauges_are_read() -> None:
    assert snapshot_of(TEXT) == Snapshot(
        {
            'requests_total{route="/a"}': 5,
            'requests_total{route="/b"}': 1,
            "latency_sum": 2.5,
            "latency_count": 6,
            "untyped_total": 7,
            "quantiles_count": 9,
        },
        {"pool_max": 4},
    )


def test_what_grew_and_what_gauges_stood_at_is_kept() -> None:
    after = TEXT.replace('"/a"} 5', '"/a"} 15').replace("pool_max 4", "pool_max 3") + 'requests_total{route="/c"} 2\n'
    found = compare_metrics(Target("http://127.0.0.1"), snapshot_of(TEXT), snapshot_of(after), Redactor())
    assert found == TargetMetrics(
        counters={'requests_total{route="/a"}': 10, 'requests_total{route="/c"}': 2}, gauges={"pool_max": (4, 3)}
    )
    assert found.counted("requests_total") == 12
    assert found.counted("requests_total", route="/c") == 2
    assert found.counted("requests") == 0
    assert found.gauge("pool_max") == (4, 3)
    assert found.gauge("pool") is None


def test_counters_that_fell_mean_nothing() -> None:
    found = compare_metrics(
        Target("http://127.0.0.1"), snapshot_of(TEXT), snapshot_of(TEXT.replace('"/a"} 5', '"/a"} 1')), Redactor()
    )
    assert found is not None
    assert found.counters == {}
    assert found.problem == "its counters fell under the load: it was restarted, or its instances respond in turn"


def test_a_target_with_many_metrics_makes_nothing_grow() -> None:
    many = Snapshot({f"c{n}_total": float(n) for n in range(10_000)}, {f"g{n}": 0.0 for n in range(10_000)})
    found = compare_metrics(Target("http://127.0.0.1"), Snapshot({}, {}), many, Redactor())
    assert found is not None
    assert len(found.counters) == len(found.gauges) == MAX_SERIES


@pytest.mark.parametrize(
    ("text", "status", "problem"),
    [
        ("<!doctype html><p>no</p>", "200 OK", "GET /figures returned no metrics in Prometheus' text format"),
        ("", "200 OK", "GET /figures returned no metrics in Prometheus' text format (none is a counter or a gauge)"),
        ("\xff{", "200 OK", "GET /figures returned no metrics"),
        (TEXT, "404 Not Found", "GET /figures returned 404"),
        ("a_total 1\n" * 100_001, "200 OK", "GET /figures returned no metrics in Prometheus' text format (it has more"),
        ("a" * 20_000 + " 1", "200 OK", "GET /figures returned no metrics in Prometheus' text format (a line of it"),
        ("a_total 1\n" * 500_000, "200 OK", "target"),
    ],
)
def test_what_is_no_metrics_is_a_problem_only_where_they_should_be(text: str, status: str, problem: str) -> None:
    with serving(text, "/figures", status) as target:
        snapshot = read_metrics(target)
        assert snapshot.problem.startswith(problem)
        found = compare_metrics(target, snapshot, snapshot_of(TEXT), Redactor())
        assert found is not None
        assert found.problem == snapshot.problem
    assert compare_metrics(Target("http://127.0.0.1"), snapshot, snapshot_of(TEXT), Redactor()) is None


def test_a_target_that_is_gone_is_no_error() -> None:
    gone = read_metrics(Target(f"http://127.0.0.1:{free_port()}", metrics_path="/m"))
    assert "can't be reached" in gone.problem


def test_the_usual_path_is_tried_and_a_given_one_taken() -> None:
    asked = []

    def handle(connection: socket.socket, request: bytes) -> bool:
        asked.append(request.split()[1])
        connection.sendall(ok(TEXT.encode()))
        return True

    with scripted(handle) as server:
        for path in (None, "/figures"):
            assert not read_metrics(Target(server.url, metrics_path=path)).problem
    assert asked == [b"/metrics", b"/figures"]
