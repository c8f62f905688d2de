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
    "config_get.concurrent": "be7c365d5e6e",
    "config_put.sequential": "911e134a2cd5",
    "dashboard.concurrent": "ed19376a42bc",
    "dashboard.sustained": "152dcd316b21",
    "rate_limits.dashboard": "e3f3bb1af6ba",
    "rate_limits.sessions": "46edb90a755c",
    "rate_limits.config_get": "c1f1b8371ccf",
    "rate_limits.config_put": "6af84301dbd2",
    "sessions.concurrent": "5b3aa3374c56",
    "sessions.filtered": "29e3fe03fcde",
    "websocket.connections": "13f3c61f7f44",
    "websocket.broadcast": "c8e006ea9f63",
    "mixed.concurrent": "e4fa7571790e",
}
EVERY_LOAD = {
    "every.requests": "cf6b3ca0dbfb",
    "every.lasting": "9bcf9c73c524",
    "every.spread_pauses": "4b284760072a",
    "every.random_pauses": "b922a9e753fb",
    "every.ramp": "03a362a7c68c",
    "every.steady": "673add44e631",
    "every.poisson": "08dbaba2b57c",
    "every.stages": "cd95ef990bbc",
    "every.opened": "c0094bc7d0a9",
    "every.held": "fb6ccd918602",
    "every.events": "c20752432e7f",
    "every.events_steadily": "e8b9aff4e3d8",
    "every.events_in_stages": "c62908b78c51",
    "every.mixed": "9c5c0739a1bc",
    "every.sockets": "0156cbef440c",
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


def test_a_control_sends_what_it_sent_before(tmp_path: Path) -> None:
    before = hash_of(tmp_path, CONTENT)
    assert hash_of(tmp_path, more("control: true")) == before
    assert read_scenarios(tmp_path)["thing.concurrent"].control


def test_the_load_factor_is_part_of_the_load(tmp_path: Path) -> None:
    plain = hash_of(tmp_path, CONTENT)
    assert scenario_hash(read_scenarios(tmp_path)["thing.concurrent"].scaled(2)) != plain
