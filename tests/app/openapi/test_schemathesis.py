"""Requests of every kind, made from the OpenAPI document, against the real service.

Schemathesis checks each response: no server error, no undocumented status, media type, header or body, no way round the
token, invalid input refused. Its pytest plugin does not know this pytest, so its strategies are driven by Hypothesis.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.app.service import CRITERIA, SESSIONS, STATS, Service, prepare, running

EXAMPLES = 30
EVENTS = "/api/v1/events"
OPEN = {"GET /docs", "GET /healthz", "GET /metrics", "GET /readyz", "GET /version"}
bounded = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def service(processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One of its own: other tests would find its data changed."""
    folder = tmp_path_factory.mktemp("described")
    with running(prepare(folder, 100), folder) as found:
        yield found


@pytest.fixture(scope="module")
def described(service: Service) -> BaseSchema:
    return schemathesis.openapi.from_url(service.url + "/openapi.json")


def takes_input(operation: APIOperation) -> bool:
    return bool(list(operation.iter_parameters()) or operation.body)


def seen(schema: BaseSchema, call: Callable[[Case], schemathesis.Response]) -> dict[str, set[int]]:
    """Make requests of each operation, right ones and wrong ones; gives the statuses of the responses."""
    found: dict[str, set[int]] = defaultdict(set)
    for operation in (result.ok() for result in schema.get_all_operations()):
        for mode in GenerationMode:
            if mode.is_negative and not takes_input(operation):
                continue

            @bounded
            @given(operation.as_strategy(mode))
            def each(case: Case) -> None:
                found[case.operation.label].add(call(case).status_code)

            each()
    return found


def keep_rules(case: Case) -> None:
    """Make a right request keep the rules that no JSON schema can say."""
    if case.method == "GET":
        case.query = {
            name: value for name, value in (case.query or {}).items() if name not in ("created_from", "cursor", "page")
        }
        return
    criteria = case.body if case.path == CRITERIA else case.body.get("criteria")
    if criteria:
        criteria["weights"] = {"size": 0.4, "speed": 0.4, "accuracy": 0.2}
    if case.path == SESSIONS:
        case.body["model"] = "bert-base"


def test_with_a_token_every_response_is_as_documented(described: BaseSchema, service: Service):
    def call(case: Case) -> schemathesis.Response:
        if case.meta.generation.mode.is_positive:
            keep_rules(case)
        # Nothing in the document can make a request one for a WebSocket.
        excluded = [positive_data_acceptance] if case.path == EVENTS else []
        headers = {"Authorization": f"Bearer {service.token}"}
        return case.call_and_validate(session=service.http, headers=headers, excluded_checks=excluded, timeout=20)

    # Answers of these kinds at least, so that right and wrong requests both came through to where they matter.
    expected = {
        f"GET {CRITERIA}": {200},
        f"PUT {CRITERIA}": {200, 400, 422},
        f"GET {CRITERIA}/history": {200, 422},
        f"GET {STATS}": {200},
        f"GET {EVENTS}": {426},
        f"GET {SESSIONS}": {200, 422},
        f"POST {SESSIONS}": {201, 400, 422},
        f"GET {SESSIONS}/{{session_id}}": {200, 404},
    } | {name: {200} for name in OPEN}
    found = seen(described, call)
    assert set(found) == set(expected)
    assert [name for name, statuses in expected.items() if not statuses <= found[name]] == []


def test_without_a_token_every_response_is_as_documented(described: BaseSchema, service: Service):
    found = seen(described, lambda case: case.call_and_validate(session=service.http, timeout=20))
    assert all(found[name] == {200} for name in OPEN)
    assert {name for name, statuses in found.items() if statuses == {401}} == set(found) - OPEN
