"""The files that a run reads before any load: scenarios, feeders, suites."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from loadtasks.engine.http.checks import Checker
from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.plan import plans
from loadtasks.engine.runners.request_source import RequestSource
from loadtasks.scenarios.canonical import scenario_hash
from loadtasks.scenarios.files import read_scenarios, select
from loadtasks.scenarios.identity import identified
from loadtasks.scenarios.model import HttpScenario, Scenario, parts_of
from loadtasks.scenarios.secrets import secrets_of
from loadtasks.scenarios.yaml_reader import parse_yaml
from loadtasks.verdict.targets.suite_check import check_suites
from loadtasks.verdict.targets.suites import read_suites
from tests.fuzz.kinds import FuzzKind
from tests.fuzz.mutations import document_mutator
from tests.workspaces import SHIPPED_EXPECTATIONS, SHIPPED_SCENARIOS

_CORPUS = Path(__file__).with_name("corpus")
_TARGET = Target("http://127.0.0.1:9")
_MAX_PREPARED = 200
"""Requests that are prepared as a run would; each takes 0.1 ms."""
_FED = b"""endpoint: fed
scenarios:
  steady:
    load: {workers: 1, requests: 4}
    request: {method: PUT, path: "/v1/{{id}}", headers: {X-Name: "{{name}}"}, json: {value: "{{value}}"}}
    feeder: {file: %s, secret: [name]}
"""


def _files(*patterns: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for pattern in patterns for path in sorted(pattern.parent.glob(pattern.name))}


def _prepare(scenario: Scenario) -> None:
    """What `plan` and `run` make of a scenario before anything is sent."""
    for factor in (1.0, 3.0):
        list(plans(scenario.scaled(factor)))
    scenario_hash(scenario)
    secrets_of(scenario)
    for part in parts_of(scenario).values():
        if isinstance(part, HttpScenario):
            for request in part.requests[:_MAX_PREPARED]:
                Checker(request.checks)
            rows = len(part.feeder.rows) if part.feeder is not None else 1
            if rows * len(part.requests) <= _MAX_PREPARED:
                RequestSource(identified(part, "id"), _TARGET, keep_bodies=True)


def _plan(folder: Path) -> None:
    for scenario in select(read_scenarios(folder), None):
        _prepare(scenario)


@cache
def _scenario_corpus() -> Mapping[str, bytes]:
    mixed = SHIPPED_SCENARIOS / "mixed.yaml"  # it names scenarios of other files
    shipped = {name: data for name, data in _files(SHIPPED_SCENARIOS / "*.yaml").items() if name != mixed.name}
    return shipped | _files(_CORPUS / "*.yaml")


def _exercise_scenarios(folder: Path, content: bytes) -> None:
    (folder / "thing.yaml").write_bytes(content)
    (folder / "users.csv").write_bytes((_CORPUS / "rows.csv").read_bytes())
    _plan(folder)


def _plan_command(folder: Path, content: bytes) -> Sequence[Sequence[str]]:
    (folder / "thing.yaml").write_bytes(content)
    (folder / "users.csv").write_bytes((_CORPUS / "rows.csv").read_bytes())
    return [["plan", "--scenarios", str(folder)]]


@cache
def _feeder_corpus() -> Mapping[str, bytes]:
    return _files(_CORPUS / "rows.*")


def _write_feeder(folder: Path, content: bytes) -> None:
    name = "rows.jsonl" if content.lstrip(b"\xef\xbb\xbf \n").startswith(b"{") else "rows.csv"
    (folder / name).write_bytes(content)
    (folder / "fed.yaml").write_bytes(_FED % name.encode())


def _exercise_feeder(folder: Path, content: bytes) -> None:
    _write_feeder(folder, content)
    _plan(folder)


def _feeder_command(folder: Path, content: bytes) -> Sequence[Sequence[str]]:
    _write_feeder(folder, content)
    return [["plan", "--scenarios", str(folder)]]


@cache
def _suite_corpus() -> Mapping[str, bytes]:
    return _files(SHIPPED_EXPECTATIONS / "sessions.json", SHIPPED_EXPECTATIONS / "rate_limits.json", _CORPUS / "*.json")


@cache
def _known_scenarios() -> Mapping[str, Scenario]:
    return {
        name: scenario
        for name, scenario in read_scenarios(SHIPPED_SCENARIOS).items()
        if scenario.endpoint in ("sessions", "rate_limits")
    }


def _write_suite(folder: Path, content: bytes) -> Path:
    expectations = folder / "expectations"
    expectations.mkdir()
    name = "rate_limits" if b'"rate_limits"' in content else "sessions"
    (expectations / f"{name}.json").write_bytes(content)
    return expectations


def _exercise_suite(folder: Path, content: bytes) -> None:
    check_suites(read_suites(_write_suite(folder, content)), _known_scenarios())


def _suite_command(folder: Path, content: bytes) -> Sequence[Sequence[str]]:
    expectations = _write_suite(folder, content)
    return [["targets", "--scenarios", str(SHIPPED_SCENARIOS), "--expectations", str(expectations)]]


def _json(data: bytes) -> Any:
    return parse_yaml(data)


_NUMBERS = ("0x1F", "1:30", "1_000", ".inf", ".nan", "yes", "2026-13-45", "&a [*a]", "*a", "!!int 3", "|2-", "~")
_METRICS = ('"p50_s"', '"throughput_per_s"', '"availability"', '"success_rate"', '"expect_column_max_to_be_between"')

KINDS = (
    FuzzKind(
        "scenarios",
        _scenario_corpus,
        _exercise_scenarios,
        _plan_command,
        (document_mutator(_json, strange=_NUMBERS),),
    ),
    FuzzKind("feeders", _feeder_corpus, _exercise_feeder, _feeder_command),
    FuzzKind(
        "suites",
        _suite_corpus,
        _exercise_suite,
        _suite_command,
        (document_mutator(_json, strange=_METRICS),),
    ),
)
