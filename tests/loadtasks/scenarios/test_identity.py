"""`{{measurement.id}}` in what is sent."""

from pathlib import Path

import pytest

from loadtasks.engine.net.target import Target
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.errors import BadInputError
from loadtasks.scenarios.canonical import scenario_hash
from loadtasks.scenarios.files import read_scenarios
from loadtasks.scenarios.identity import identified
from loadtasks.scenarios.model import BroadcastScenario, HttpScenario, MixedScenario, Scenario
from tests.servers import answering, ok, scripted

CONTENT = """
endpoint: thing
scenarios:
  closed:
    load: {workers: 2, requests: 6}
    warmup_requests: 2
    request: &named {path: "/things/{{measurement.id}}", headers: {X-User: "u-{{ measurement.id }}"}}
  fed:
    load: {workers: 1, requests: 4}
    feeder: {file: users.csv}
    read_back: {path: "/read/{{id}}/{{measurement.id}}"}
    request:
      method: PUT
      path: "/users/{{id}}"
      query: {by: "{{measurement.id}}"}
      headers: {X-User: "{{measurement.id}}/{{id}}"}
      json: {"{{measurement.id}}": ["{{name}} of {{measurement.id}}"]}
  broadcast:
    websocket: /events
    load: {listeners: 1, events: 1, rate: 1}
    publish: {request: {method: POST, path: "/{{measurement.id}}"}, id: id}
    event: {id: id}
  mixed:
    parts: {one: {scenario: thing.closed}, two: {scenario: thing.closed}}
"""


@pytest.fixture
def scenarios(tmp_path: Path) -> dict[str, Scenario]:
    (tmp_path / "thing.yaml").write_text(CONTENT)
    (tmp_path / "users.csv").write_text("id,name\n7,Ann\n")
    return read_scenarios(tmp_path)


def users(requests: list[bytes]) -> set[str]:
    lines = [line for request in requests for line in request.decode().split("\r\n")]
    return {line.removeprefix("X-User: ") for line in lines if line.startswith("X-User: ")}


def test_it_is_filled_in_wherever_a_placeholder_may_stand(scenarios: dict[str, Scenario]) -> None:
    fed = identified(scenarios["thing.fed"], "abc")
    assert isinstance(fed, HttpScenario)
    assert fed.feeder is not None
    assert fed.read_back is not None
    request = fed.requests[0].fed(fed.feeder.rows[0])
    assert (request.path, request.query, request.headers) == ("/users/7", {"by": "abc"}, {"X-User": "abc/7"})
    assert request.json_body == {"abc": ["Ann of abc"]}
    assert fed.read_back.path == "/read/{{id}}/abc"
    broadcast = identified(scenarios["thing.broadcast"], "abc")
    assert isinstance(broadcast, BroadcastScenario)
    assert broadcast.publish.request.path == "/abc"
    mixed = identified(scenarios["thing.mixed"], "abc")
    assert isinstance(mixed, MixedScenario)
    parts = [part for part in mixed.parts.values() if isinstance(part, HttpScenario)]
    assert [part.requests[0].path for part in parts] == ["/things/abc"] * 2


@pytest.mark.parametrize("processes", [1, 2])
def test_a_measurement_has_one_and_the_next_another(scenarios: dict[str, Scenario], processes: int) -> None:
    scenario = scenarios["thing.closed"]
    with scripted(answering(ok())) as server:
        first = run_scenario(scenario, Target(server.url), processes=processes)
        found = users(server.requests)
        assert len(server.requests) == 8
        second = run_scenario(scenario, Target(server.url), processes=processes)
    assert len(found) == 1
    assert len(users(server.requests)) == 2
    assert first[0].counts.completed == 6
    # It is no part of what is compared between runs.
    assert first[0].scenario_hash == second[0].scenario_hash == scenario_hash(scenario)


def test_the_parts_of_a_mixed_scenario_are_one_measurement(scenarios: dict[str, Scenario]) -> None:
    with scripted(answering(ok())) as server:
        run_scenario(scenarios["thing.mixed"], Target(server.url))
    assert len(users(server.requests)) == 1


def test_other_placeholders_still_need_a_feeder(tmp_path: Path) -> None:
    wrong = CONTENT.replace("/things/{{measurement.id}}", "/things/{{measurement.number}}")
    (tmp_path / "thing.yaml").write_text(wrong)
    with pytest.raises(BadInputError, match="names a column, but there is no `feeder`"):
        read_scenarios(tmp_path)
