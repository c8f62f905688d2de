"""The hash by which scenarios are compared: the same in every release for the same requests and load."""

from pathlib import Path

import pytest

from loadtasks.scenarios.canonical import scenario_hash
from loadtasks.scenarios.files import read_scenarios
from tests.workspaces import SHIPPED_SCENARIOS

CONTENT = """
endpoint: thing
request: {path: /thing}
scenarios:
  concurrent: {load: {workers: 2, requests: 10}}
"""
SHIPPED = {
    "config_get.concurrent": "9b3d539aef31",
    "config_put.sequential": "867e6cd8e127",
    "dashboard.concurrent": "5d2043d4e938",
    "dashboard.sustained": "260f3dabceec",
    "rate_limits.dashboard": "66792119ba9a",
    "rate_limits.sessions": "79ff8436bac0",
    "rate_limits.config_get": "f27c82280b5b",
    "rate_limits.config_put": "1ecf0201e89d",
    "sessions.concurrent": "60af299e06d0",
    "sessions.filtered": "a43866cc3742",
    "websocket.connections": "465ec6cf687a",
    "websocket.broadcast": "522f0e060ef8",
    "mixed.concurrent": "69a2d1b210b5",
}
EVERY_LOAD = {
    "every.requests": "918d99a13de5",
    "every.lasting": "0bbb405d72e1",
    "every.spread_pauses": "3073ad6badc6",
    "every.random_pauses": "8dd3b6e219de",
    "every.ramp": "d0945c2026fc",
    "every.steady": "765d96c0450a",
    "every.poisson": "fc03c794812d",
    "every.stages": "376549fd1c43",
    "every.opened": "6ddd421c7790",
    "every.held": "4c6bbb475934",
    "every.events": "d420479133fa",
    "every.events_steadily": "858c93270921",
    "every.events_in_stages": "66342adfa856",
    "every.mixed": "539228ec242d",
    "every.sockets": "5e4ccc709a86",
}
"""Of scenarios that use every load profile and every key; see `tests/loadtasks/results/revision_0006`."""


def hash_of(folder: Path, content: str) -> str:
    (folder / "thing.yaml").write_text(content, encoding="utf-8")
    return scenario_hash(read_scenarios(folder)["thing.concurrent"])


def more(entry: str) -> str:
    return CONTENT.replace("requests: 10}", f"requests: 10}}, {entry}")


def test_the_shipped_scenarios_keep_their_hashes() -> None:
    """A change here ends every baseline: only another request or another load may cause it, never a rename in code."""
    scenarios = read_scenarios(SHIPPED_SCENARIOS)
    assert {name: scenario_hash(scenario) for name, scenario in scenarios.items()} == SHIPPED


def test_scenarios_of_every_load_profile_keep_their_hashes() -> None:
    scenarios = read_scenarios(Path(__file__).parents[1] / "results" / "revision_0006")
    assert {name: scenario_hash(scenario) for name, scenario in scenarios.items()} == EVERY_LOAD


def test_a_comment_or_another_name_changes_no_hash(tmp_path: Path) -> None:
    assert hash_of(tmp_path, f"# a comment\n{CONTENT}") == hash_of(tmp_path, CONTENT)
    (tmp_path / "thing.yaml").write_text(CONTENT.replace("concurrent", "other"), encoding="utf-8")
    assert scenario_hash(read_scenarios(tmp_path)["thing.other"]) == hash_of(tmp_path, CONTENT)


@pytest.mark.parametrize(
    "content",
    [
        CONTENT.replace("requests: 10", "requests: 11"),
        CONTENT.replace("/thing}", "/other}"),
        CONTENT.replace("endpoint: thing", "endpoint: thing\nfeeder: {file: x.csv}").replace("/thing}", '"/{{id}}"}'),
        more("connect_timeout_s: 3"),
        more("timeout_s: 3"),
        more("scales: false"),
        more("warmup_requests: 3"),
        CONTENT.replace("requests: 10", "requests: 10, think_time_s: 1"),
        CONTENT.replace("/thing}", "/thing, checks: {json: {id: {minimum: 1}}}}"),
    ],
)
def test_another_request_or_load_is_another_hash(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.csv").write_text("id\n7\n", encoding="utf-8")
    assert hash_of(tmp_path, content) != hash_of(tmp_path, CONTENT)


def test_a_default_that_is_given_is_no_change(tmp_path: Path) -> None:
    assert hash_of(tmp_path, more("connect_timeout_s: 10")) == hash_of(tmp_path, CONTENT)
    assert hash_of(tmp_path, more("scales: true")) == hash_of(tmp_path, CONTENT)


def test_the_load_factor_is_part_of_the_load(tmp_path: Path) -> None:
    plain = hash_of(tmp_path, CONTENT)
    assert scenario_hash(read_scenarios(tmp_path)["thing.concurrent"].scaled(2)) != plain
