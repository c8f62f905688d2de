"""Scenario files: the shipped ones, and every way to get one wrong."""

from pathlib import Path

import pytest

from loadtasks.errors import BadInputError
from loadtasks.scenarios.files import PACKAGED, read_scenarios, select
from loadtasks.scenarios.model import BroadcastScenario, HttpScenario, MixedScenario, load_sentence

GOOD = """
endpoint: thing
request: {path: /thing}
scenarios:
  concurrent: {load: {workers: 2, requests: 10}}
"""


def folder(tmp_path: Path, **files: str) -> Path:
    for name, content in files.items():
        (tmp_path / f"{name}.yaml").write_text(content, encoding="utf-8")
    return tmp_path


def test_the_shipped_scenarios_are_the_nine_with_their_numbers() -> None:
    shipped = {name: load_sentence(scenario) for name, scenario in read_scenarios(PACKAGED).items()}
    assert shipped.pop("mixed.concurrent").startswith("at the same time: ")
    assert shipped == {
        "dashboard.concurrent": "100 requests, 10 workers",
        "dashboard.sustained": "10 s, 5 workers",
        "sessions.concurrent": "100 requests, 10 workers",
        "sessions.filtered": "100 requests, 10 workers",
        "config_get.concurrent": "100 requests, 10 workers",
        "config_put.sequential": "20 requests, one after another",
        "websocket.connections": "50 connections at once, held until all are open",
        "websocket.broadcast": "50 events at 25/s to 20 listeners",
    }


def test_the_shipped_details() -> None:
    shipped = read_scenarios(PACKAGED)
    filtered = shipped["sessions.filtered"]
    assert isinstance(filtered, HttpScenario)
    assert len({str(request.query) for request in filtered.requests}) >= 8
    put = shipped["config_put.sequential"]
    assert isinstance(put, HttpScenario)
    assert put.read_back is not None
    mixed = shipped["mixed.concurrent"]
    assert isinstance(mixed, MixedScenario)
    sizes = {kind: getattr(part.load, "requests", None) or part.load.connections for kind, part in mixed.parts.items()}
    assert sizes == dict.fromkeys(("dashboard", "sessions", "config_get", "config_put", "websocket"), 30)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            GOOD.replace("workers: 2", "workers: -2"),
            "scenarios.concurrent.load.workers: .*greater than or equal to 1.*-2",
        ),
        (GOOD.replace("requests: 10", "requests: 0"), "load.requests"),
        (GOOD.replace("requests: 10", "request: 10"), "load.request: unknown key"),
        (GOOD.replace("requests: 10", "requests: ten"), "load.requests: .*integer.*ten"),
        (GOOD.replace("workers: 2, requests: 10", "workers: 2"), "load: .*`requests` or `duration_s`"),
        (GOOD.replace("workers: 2, ", ""), "load: needs one of workers, rate, stages, connections, listeners"),
        (GOOD.replace("load", "laod"), "scenarios.concurrent.laod: unknown key"),
        (GOOD.replace("endpoint: thing", ""), "endpoint: missing"),
        (GOOD.replace("endpoint: thing", "endpoint: Thing!"), "endpoint: .*Thing!"),
        (GOOD.replace("request: {path: /thing}", ""), "scenarios.concurrent: needs `request`"),
        (GOOD.replace("path: /thing", "path: thing"), "request.path: a path starts with `/`"),
        (GOOD.replace("path: /thing", "path: /thing, checks: {json: {a: {}}}"), "request.checks.json.a: a check"),
        (GOOD.replace("path: /thing", "path: /thing, checks: {body_matches: '('}"), "body_matches: not a regular expr"),
        (GOOD.replace("path: /thing", "path: /thing, method: FETCH"), "request.method: .*FETCH"),
        ("endpoint: [", "line 1: not YAML"),
        ("- a list", "a scenario file is a mapping"),
        ("endpoint: thing\nscenarios: {}\n", "scenarios: "),
        ("endpoint: ws\nscenarios: {all: {load: {connections: 5}}}\n", "scenarios.all: needs `websocket`"),
        (
            "endpoint: ws\nwebsocket: /ws\nscenarios: {all: {load: {listeners: 5, events: 2, rate: 1}}}\n",
            "a broadcast needs `publish`",
        ),
        ("endpoint: m\nscenarios: {all: {parts: {a: {scenario: no.such}}}}\n", "parts.a.scenario: no.such"),
    ],
)
def test_a_wrong_file_is_one_sentence_that_names_file_and_field(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(BadInputError, match=words) as raised:
        read_scenarios(folder(tmp_path, wrong=content))
    sentence = str(raised.value)
    assert sentence.startswith(f"{tmp_path / 'wrong.yaml'}:")
    assert "\n" not in sentence


def test_a_scenario_in_two_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"thing.concurrent stands in another file"):
        read_scenarios(folder(tmp_path, one=GOOD, two=GOOD))


def test_a_folder_that_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no such folder"):
        read_scenarios(tmp_path / "nowhere")
    with pytest.raises(BadInputError, match="no scenario file"):
        read_scenarios(tmp_path)


def test_scenarios_are_chosen_by_name_or_by_endpoint() -> None:
    shipped = read_scenarios(PACKAGED)
    assert [scenario.name for scenario in select(shipped, ["dashboard", "mixed.concurrent"])] == [
        "dashboard.concurrent",
        "dashboard.sustained",
        "mixed.concurrent",
    ]
    assert len(select(shipped, None)) == 9
    with pytest.raises(BadInputError, match=r"nothing: no such scenario; there are .*dashboard.concurrent"):
        select(shipped, ["nothing"])


def test_the_load_factor_multiplies_load_and_not_time() -> None:
    shipped = read_scenarios(PACKAGED)
    doubled = {name: load_sentence(scenario.scaled(2)) for name, scenario in shipped.items()}
    assert doubled["dashboard.concurrent"] == "200 requests, 20 workers"
    assert doubled["dashboard.sustained"] == "10 s, 10 workers"
    assert doubled["websocket.broadcast"] == "50 events at 25/s to 40 listeners"
    assert load_sentence(shipped["dashboard.concurrent"].scaled(0.01)) == "1 requests, one after another"


def test_the_hash_tells_what_is_sent_and_nothing_else(tmp_path: Path) -> None:
    one = read_scenarios(folder(tmp_path, one=GOOD))["thing.concurrent"]
    (tmp_path / "one.yaml").write_text("# a comment\n" + GOOD, encoding="utf-8")
    assert read_scenarios(tmp_path)["thing.concurrent"].hash == one.hash
    (tmp_path / "one.yaml").write_text(GOOD.replace("requests: 10", "requests: 11"), encoding="utf-8")
    assert read_scenarios(tmp_path)["thing.concurrent"].hash != one.hash
    assert one.scaled(2).hash != one.hash


def test_a_broadcast_knows_its_events(tmp_path: Path) -> None:
    broadcast = read_scenarios(PACKAGED)["websocket.broadcast"]
    assert isinstance(broadcast, BroadcastScenario)
    assert broadcast.event.where == {"type": "session.created"}
    assert broadcast.publish.request.method == "POST"
