"""Checks of responses, as they pass and fail."""

import gzip

import pytest

from loadtasks.scenarios.model import Checks, JsonCheck, Request
from tests.loadtasks.engine.http_runs import ONE, run_against, scenario
from tests.servers import answering, ok


@pytest.mark.parametrize(
    ("checks", "words"),
    [
        (Checks(json={"items.0.id": JsonCheck(equals=7)}), None),
        (Checks(json={"items.0.id": JsonCheck(equals=8)}), "items.0.id is 7, expected 8"),
        (Checks(json={"items": JsonCheck(length=2)}), "items has 1 elements, expected 2"),
        (Checks(json={"total": JsonCheck(minimum=20)}), "total is 12, expected at least 20"),
        (Checks(json={"missing": JsonCheck(type="string")}), "missing is not in the body"),
        (Checks(body_matches="it.ms"), None),
        (Checks(body_matches="nowhere"), "nothing in the body matches"),
        (Checks(headers={"content-type": "text/html"}), "content-type"),
        (Checks(status=(201, 202)), "responded 200, expected 201 or 202"),
    ],
)
def test_checks_make_a_request_good_or_a_failure(checks: Checks, words: str | None) -> None:
    body = b'{"items": [{"id": 7}], "total": 12}'
    measurement = run_against(answering(ok(body)), scenario(ONE, Request(path="/thing", checks=checks)))
    assert measurement.counts.completed == (1 if words is None else 0)
    assert words is None or words in measurement.errors[0].sample


def test_checks_see_a_compressed_body_as_it_was() -> None:
    body = gzip.compress(b'{"total": 12}')
    checks = Checks(json={"total": JsonCheck(equals=12)})
    measurement = run_against(
        answering(ok(body, "Content-Encoding: gzip")), scenario(ONE, Request(path="/thing", checks=checks))
    )
    assert measurement.counts.completed == 1, measurement.errors
