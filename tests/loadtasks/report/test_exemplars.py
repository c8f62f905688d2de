"""The slowest requests: which are shown, and by which names."""

import pytest

from loadtasks.report import exemplars
from loadtasks.results.document import ScenarioResult
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import Verdict
from tests.loadtasks.report import samples
from tests.measurements import exemplar, measurement


def one(**changes: object) -> exemplars.RenderedExemplar:
    return exemplars.RenderedExemplar(measurement("dashboard.concurrent"), exemplar(**changes))  # type: ignore[arg-type]


def mixed(*findings: Finding) -> ScenarioResult:
    parts = [measurement("mixed.x", part=part, exemplars=[exemplar(request=f"GET /{part}")]) for part in ("", "a", "b")]
    return samples.result("mixed.concurrent", Verdict.FAIL, *findings, measurements=parts)


def test_a_slow_request_is_shown_with_the_names_that_logs_and_traces_know() -> None:
    assert one().sentence == (
        "GET /stats took 100 ms, status 200, due at 02:00:01.250 UTC, request id b7c1f2d0a94e4d1c, trace id "
        "4bf92f3577b34da6a3ce929d0e0e4736"
    )
    assert one(status=0, request_id=None, traceparent=None).sentence == (
        "GET /stats took 100 ms, no response, due at 02:00:01.250 UTC"
    )


@pytest.mark.parametrize(
    ("traceparent", "trace_id"), [("00-abc-def-01", "abc"), ("abc", None), ("", None), (None, None), ("00--x-01", None)]
)
def test_the_trace_id_is_the_second_field_of_the_traceparent(traceparent: str | None, trace_id: str | None) -> None:
    assert one(traceparent=traceparent).trace_id == trace_id


def test_what_a_target_sends_as_an_id_is_one_line_of_bounded_length() -> None:
    assert one(request_id="a\r\nb\x1b[31m" + "x" * 1000).request_id == "a b [31m" + "x" * 92
    assert one(request_id=" ").request_id is None


@pytest.mark.parametrize(
    ("findings", "requests"),
    [
        ([samples.missed("p95_s", 3, 2)], ["GET /"]),
        ([samples.missed("p95_s", 3, 2, part=part) for part in ("", "b")], ["GET /b"]),
        ([samples.worse("p95_s", 3, 2, part="a")], ["GET /a"]),
        ([samples.missed("throttled", 3, 0, part="a")], []),
        ([samples.few_requests().model_copy(update={"part": "a"})], []),
    ],
)
def test_of_a_mixed_scenario_those_of_the_bad_parts_are_shown(findings: list[Finding], requests: list[str]) -> None:
    assert [slow.request for slow in exemplars.of_bad(samples.document(mixed(*findings)))] == requests


def test_of_good_and_invalid_scenarios_none_is_shown() -> None:
    assert exemplars.of_bad(samples.document(samples.result("dashboard.concurrent"), samples.saturated())) == []
