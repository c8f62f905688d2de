"""Scenario files: the shipped ones, and every way to get one wrong."""

from pathlib import Path

import pytest

from loadtasks.errors import BadInputError
from loadtasks.report.load_sentence import load_sentence
from loadtasks.scenarios import files
from loadtasks.scenarios.canonical import scenario_hash
from loadtasks.scenarios.files import read_scenarios, select
from loadtasks.scenarios.load_data import load_data
from loadtasks.scenarios.model import HttpScenario, MixedScenario, Scenario
from loadtasks.scenarios.yaml_reader import yaml_of
from tests.workspaces import SHIPPED_SCENARIOS

GOOD = """
endpoint: thing
request: {path: /thing}
scenarios:
  concurrent: {load: {workers: 2, requests: 10}}
"""


def in_words(scenario: Scenario) -> str:
    return load_sentence(load_data(scenario))


def folder(tmp_path: Path, **files: str) -> Path:
    for name, content in files.items():
        (tmp_path / f"{name}.yaml").write_text(content, encoding="utf-8")
    return tmp_path


def ramp(stages: str) -> str:
    return GOOD.replace("workers: 2, requests: 10", f"stages: [{stages}]")


def more(entry: str) -> str:
    return GOOD.replace("requests: 10}", f"requests: 10}}, {entry}")


def connecting(entry: str) -> str:
    return f"endpoint: w\nscenarios: {{a: {{websocket: /, load: {{connections: 1}}, {entry}}}}}"


def asking(field: str) -> str:
    return GOOD.replace("path: /thing", f"path: /thing, {field}")


def test_the_shipped_scenarios_have_their_numbers() -> None:
    shipped = {name: in_words(scenario) for name, scenario in read_scenarios(SHIPPED_SCENARIOS).items()}
    assert shipped.pop("mixed.concurrent").startswith("at the same time: ")
    assert shipped == {
        "dashboard.concurrent": "100 requests, 10 workers",
        "dashboard.sustained": "10 s, 5 workers",
        "sessions.concurrent": "100 requests, 10 workers",
        "rate_limits.dashboard": "80 requests, one after another",
        "rate_limits.sessions": "140 requests, one after another",
        "rate_limits.config_get": "140 requests, one after another",
        "rate_limits.config_put": "30 requests, one after another",
        "sessions.filtered": "100 requests, 10 workers",
        "config_get.concurrent": "100 requests, 10 workers",
        "config_put.sequential": "20 requests, one after another",
        "websocket.connections": "50 connections at once, held until all are open",
        "websocket.broadcast": "50 events at 25/s to 20 listeners",
    }


def test_the_shipped_details() -> None:
    shipped = read_scenarios(SHIPPED_SCENARIOS)
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
        (GOOD.replace("workers: 2, requests: 10", "workers: 2"), "load: .*`requests` or after `duration_s`"),
        (GOOD.replace("workers: 2, ", ""), "load: needs one of workers, rate, stages, connections, listeners"),
        (GOOD.replace("load", "laod"), "scenarios.concurrent.laod: unknown key"),
        (GOOD.replace("endpoint: thing", ""), "endpoint: missing"),
        (GOOD.replace("endpoint: thing", "endpoint: Thing!"), "endpoint: .*Thing!"),
        (GOOD.replace("request: {path: /thing}", ""), "scenarios.concurrent: needs `request`"),
        (GOOD.replace("path: /thing", "path: thing"), "request.path: a path must start with `/`"),
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
        (GOOD.replace("10}", "10, think_time_s: -1}"), "load.think_time_s.min: .*greater than or equal to 0 .*-1"),
        (GOOD.replace("10}", "10, think_time_s: soon}"), "load.think_time_s: a think time is .*soon"),
        (
            GOOD.replace("10}", "10, think_time_s: {min: 1}}"),
            "load.think_time_s: a think time is a number of seconds, or",
        ),
        (GOOD.replace("10}", "10, think_time_s: {mean: 1, min: 0, max: 1}}"), "load.think_time_s: a think time is"),
        (GOOD.replace("10}", "10, think_time_s: {min: 2, max: 1}}"), "`min` must not be above its `max`"),
        (ramp("{workers: 0, duration_s: 5}"), "load: every stage has 0 workers"),
        (ramp("{workers: 2}"), r"load.stages.0.duration_s: missing"),
        (ramp("{workers: 2, duration_s: 5}, {rate: 2, duration_s: 5}"), "load.stages.1.workers: missing"),
        (
            ramp("{rate: 2, duration_s: 5}").replace("stages", "think_time_s: 1, stages"),
            "load.think_time_s: unknown key",
        ),
        (ramp("{workers: 2, duration_s: 5}").replace("stages", "workers: 1, stages"), "load.workers: unknown key"),
        (ramp(""), "load.stages: .*at least 1"),
        (more("connect_timeout_s: 0"), "scenarios.concurrent.connect_timeout_s: .*greater than or equal to 0.000001"),
        (more("publish: {request: {path: /}, id: id}"), "concurrent.publish: means nothing in a load of HTTP requests"),
        (
            more("websocket: /ws"),
            "concurrent.websocket: means nothing in a load of HTTP requests; known keys are .*feeder",
        ),
        (
            GOOD.replace("workers: 2, requests: 10}", "rate: 2, duration_s: 1}, read_back: {path: /}"),
            "concurrent.read_back: needs a closed load",
        ),
        (more("read_back: {path: /}"), "concurrent.read_back: no request sends `json`"),
        (
            "endpoint: w\nscenarios: {a: {websocket: /, load: {connections: 1}, warmup_requests: 1}}",
            "warmup_requests: means",
        ),
        (connecting("read_back: {path: /}"), "a.read_back: means nothing in a load of `connections`"),
        (
            connecting("read_back: {path: /}").replace("connections: 1", "listeners: 1, events: 1, rate: 1"),
            "a.read_back: means nothing in a load of `listeners`",
        ),
        (
            "endpoint: m\nscenarios: {a: {parts: {b: {scenario: m.b}}, timeout_s: 3}}",
            "timeout_s: means nothing in a mixed",
        ),
        (
            asking("json: {when: 2026-01-31}"),
            "line 3: request.json.when: 2026-01-31 may be read as a date or time; put it in quotes",
        ),
        (asking("json: {size: .inf}"), "request.json.size: .inf may be read as no finite number"),
        (asking("json: [{on: 1}]"), "request.json.0: on may be read as true or false; put it in quotes"),
        (asking("json: [{1: 1}]"), "request.json.0: the key 1 is not text; put it in quotes"),
        (asking("query: {active: yes}"), "request.query.active: yes may be read as true or false; put it in quotes"),
        (
            asking("query: {active: true}"),
            "request.query: `active` is True, neither text nor a number; put it in quotes",
        ),
        (asking("query: {active: }"), "request.query: `active` is None, neither text nor a number"),
        (asking("query: {since: [2026-01-31]}"), "request.query.since.0: 2026-01-31 may be read as a date"),
        (
            asking("query: {v: [1, 1.10]}"),
            "request.query: `v` is 1.10, which would be sent as 1.1; put it in quotes",
        ),
        (asking("query: {v: 1e3}"), "request.query: `v` is 1e3, which would be sent as 1000.0; put it in quotes"),
        (asking("headers: {X-V: 1.10}"), "request.headers.X-V: 1.10 is not text; put it in quotes"),
        (asking("headers: {X-V: true}"), "request.headers.X-V: true is not text; put it in quotes"),
        (asking("checks: {headers: {X-V: 7}}"), "request.checks.headers.X-V: 7 is not text; put it in quotes"),
        (asking("checks: {json: {a: {minimum: true}}}"), "checks.json.a.minimum: a bound is a number"),
        (asking('checks: {json: {a: {minimum: "1"}}}'), "checks.json.a.minimum: a bound is a number"),
        (asking("checks: {json: {a: {length: true}}}"), "checks.json.a.length: .*integer"),
        (
            asking("headers: {X-Key: '${API_KEY}'}"),
            r"request.headers.X-Key: .*\$\{API_KEY\} would stay as it is; write the value \(a token is LOADTASKS_TOKEN",
        ),
        (GOOD.replace("/thing", "/thing#part"), "request.path: a path has no fragment"),
        (GOOD.replace("/thing", "/a/../thing"), "request.path: a segment `.` or `..`"),
        (GOOD.replace("/thing", "//thing"), "request.path: .*would name another host"),
        (GOOD.replace("/thing", "'/{{a}}/%zz'"), "request.path: a % in a path"),
        (more("read_back: {path: /a#b}"), "concurrent.read_back.path: a path has no fragment"),
        (connecting("timeout_s: 1").replace("websocket: /", "websocket: /a/./b"), "a.websocket: a segment"),
        (GOOD.replace("concurrent", '""'), "scenarios: the name '' is not possible; use up to 100"),
        (GOOD.replace("concurrent", '"a/b c"'), "scenarios: the name 'a/b c' is not possible"),
        (GOOD.replace("concurrent", '"a.b"'), "scenarios: the name 'a.b' is not possible"),
        (GOOD.replace("concurrent", '"line\\nbreak"'), r"scenarios: the name 'line\\nbreak' is not possible"),
        (GOOD.replace("concurrent", "täglich"), "scenarios: the name 'täglich' is not possible"),
        (GOOD.replace("concurrent", "a" * 101), "scenarios: the name 'a{100}...' is not possible"),
        ("endpoint: m\nscenarios: {all: {parts: {'a b': {scenario: no.such}}}}\n", "all.parts: the name 'a b'"),
        (
            GOOD.replace("concurrent:", "concurrent: {load: {workers: 1, requests: 1}}\n  concurrent:"),
            "key 'concurrent'",
        ),
        (asking('headers: {X-A: "a\\nb"}'), "request.headers.X-A: .*can't be sent in a header"),
        (asking('headers: {X-A: "中"}'), "request.headers.X-A: .*can't be sent in a header"),
        (asking('headers: {"X A": b}'), "request.headers.X A.*is not a valid header name"),
        (asking("checks: {json: {a: {equals: 2026-01-31}}}"), "checks.json.a.equals: 2026-01-31 may be read as a date"),
        (
            "endpoint: w\nwebsocket: /\nscenarios: {a: {load: {listeners: 1, events: 1, rate: 1}, "
            'publish: {request: {path: "/{{id}}"}, id: id}, event: {id: id}}}',
            "publish.request: `{{id}}`: a publishing request has no feeder",
        ),
    ],
)
def test_a_wrong_file_is_one_sentence_that_names_file_and_field(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(BadInputError, match=words) as raised:
        read_scenarios(folder(tmp_path, wrong=content))
    sentence = str(raised.value)
    assert sentence.startswith(f"{tmp_path / 'wrong.yaml'}:")
    assert "\n" not in sentence


def test_hidden_files_are_those_of_editors_and_suffixes_have_no_case(tmp_path: Path) -> None:
    folder(tmp_path, one=GOOD)
    (tmp_path / "._one.yaml").write_bytes(b"\x00\x05\x16\x07")
    (tmp_path / "two.YML").write_text(GOOD.replace("endpoint: thing", "endpoint: other"))
    assert list(read_scenarios(tmp_path)) == ["thing.concurrent", "other.concurrent"]


def test_what_the_path_of_a_request_may_hold(tmp_path: Path) -> None:
    content = GOOD.replace("/thing", "'/a b/ü/{{measurement.id}}//x;p?q={{measurement.id}}&r=%C3%BC'")
    scenario = read_scenarios(folder(tmp_path, one=content))["thing.concurrent"]
    assert isinstance(scenario, HttpScenario)
    assert scenario.requests[0].path.startswith("/a b/ü/{{")


def test_bounds_keep_their_value(tmp_path: Path) -> None:
    checks = "checks: {json: {a: {minimum: 1, maximum: 9007199254740993}, b: {minimum: 1.50}}}"
    scenario = read_scenarios(folder(tmp_path, one=asking(checks)))["thing.concurrent"]
    assert isinstance(scenario, HttpScenario)
    first, second = scenario.requests[0].checks.json_values.values()
    assert [repr(bound) for bound in (first.minimum, first.maximum, second.minimum)] == [
        "1.0",
        "9007199254740993",
        "1.5",
    ]


def test_a_scenario_in_two_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"thing.concurrent is defined in another file"):
        read_scenarios(folder(tmp_path, one=GOOD, two=GOOD))


def test_a_folder_that_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no such folder"):
        read_scenarios(tmp_path / "nowhere")
    with pytest.raises(BadInputError, match="no scenario file"):
        read_scenarios(tmp_path)


def test_scenarios_are_chosen_by_name_or_by_endpoint() -> None:
    shipped = read_scenarios(SHIPPED_SCENARIOS)
    assert [scenario.name for scenario in select(shipped, ["dashboard", "mixed.concurrent"])] == [
        "dashboard.concurrent",
        "dashboard.sustained",
        "mixed.concurrent",
    ]
    assert len(select(shipped, None)) == 13
    with pytest.raises(BadInputError, match=r"nothing: no such scenario; known scenarios are .*dashboard.concurrent"):
        select(shipped, ["nothing"])


def test_the_load_factor_multiplies_load_and_not_time() -> None:
    shipped = read_scenarios(SHIPPED_SCENARIOS)
    doubled = {name: in_words(scenario.scaled(2)) for name, scenario in shipped.items()}
    assert doubled["dashboard.concurrent"] == "200 requests, 20 workers"
    assert doubled["dashboard.sustained"] == "10 s, 10 workers"
    assert doubled["websocket.broadcast"] == "50 events at 25/s to 40 listeners"
    assert in_words(shipped["dashboard.concurrent"].scaled(0.01)) == "1 requests, one after another"
    assert shipped["rate_limits.dashboard"].scaled(2) == shipped["rate_limits.dashboard"]


def test_a_ramp_of_workers_is_scaled_and_nobody_stays_nobody(tmp_path: Path) -> None:
    content = GOOD.replace(
        "workers: 2, requests: 10",
        "start_workers: 1, stages: [{workers: 3, duration_s: 2}, {workers: 0, duration_s: 1.5}]",
    )
    scenario = read_scenarios(folder(tmp_path, ramp=content))["thing.concurrent"]
    assert in_words(scenario) == "workers from 1 to 3 in 2 s, 0 in 1.5 s"
    assert in_words(scenario.scaled(2)) == "workers from 2 to 6 in 2 s, 0 in 1.5 s"
    assert in_words(scenario.scaled(0.1)) == "workers from 1 to 1 in 2 s, 0 in 1.5 s"


@pytest.mark.parametrize(
    ("think_time", "sentence"),
    [
        ("2", "thinking 2 s"),
        ("{min: 0.5, max: 2, seed: 7}", "thinking 0.5 to 2 s (seed 7)"),
        ("{mean: 1.5}", "thinking 1.5 s on average (exponential, seed 1)"),
    ],
)
def test_a_think_time_is_part_of_the_load(tmp_path: Path, think_time: str, sentence: str) -> None:
    plain = read_scenarios(folder(tmp_path, one=GOOD))["thing.concurrent"]
    content = GOOD.replace("requests: 10", f"requests: 10, think_time_s: {think_time}")
    thinking = read_scenarios(folder(tmp_path, one=content))["thing.concurrent"]
    assert in_words(thinking) == f"10 requests, 2 workers, {sentence}"
    assert in_words(thinking.scaled(2)) == f"20 requests, 4 workers, {sentence}"
    assert scenario_hash(thinking) != scenario_hash(plain)


def test_a_file_is_parsed_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []

    def parse(path: Path, data: bytes) -> object:
        parsed.append(data)
        return yaml_of(path, data)

    monkeypatch.setattr(files, "yaml_of", parse)
    for workers in (3, 3, 4):
        folder(tmp_path, once=GOOD.replace("workers: 2", f"workers: {workers}"))
        assert in_words(read_scenarios(tmp_path)["thing.concurrent"]).endswith(f" {workers} workers")
    assert len(parsed) == 2
