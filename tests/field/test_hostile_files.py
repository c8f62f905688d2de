"""Files and options of a careless or hostile hand: `plan`, `targets`, `run` and Airflow's tasks say the same of them.

Nothing is sent, nothing is waited for, and one sentence says what is wrong.
"""

import json
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from loadtasks import steps
from loadtasks.errors import BadInputError
from tests.thing import SUITE, call, check_refused
from tests.workspaces import context_of, own_workspace

NOBODY = "http://127.0.0.1:9"
Make = Callable[[Path], object]


def scenario(load: str = "{workers: 1, requests: 1}", request: str = "{path: /v1}", more: str = "") -> str:
    return f"endpoint: thing\nscenarios:\n  a:\n    load: {load}\n    request: {request}\n{more}"


def written(content: str | bytes) -> Make:
    data = content.encode() if isinstance(content, str) else content
    return lambda path: path.write_bytes(data)


def linked(name: str) -> Make:
    return lambda path: path.symlink_to(name)


def fed(make: Make, name: str = "rows.csv") -> Make:
    def write(path: Path) -> None:
        path.write_text(scenario(request="{path: '/{{id}}'}", more=f"    feeder: {{file: {name}}}\n"))
        make(path.with_name(name))

    return write


def value(text: str) -> Make:
    """A scenario that sends a value and checks it."""
    return written(scenario(request=f"{{method: POST, path: /v1, json: {{a: {text}}}}}"))


def check(text: str) -> Make:
    return written(scenario(request=f"{{path: /v1, checks: {text}}}"))


_BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
_LONG = f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 200)}]\n"
SCENARIOS: dict[str, tuple[Make, str]] = {
    "fifo": (os.mkfifo, "a FIFO, not a file"),
    "link to a device": (linked("/dev/zero"), "a device, not a file"),
    "folder": (Path.mkdir, "a folder, not a file"),
    "link to nothing": (linked("nowhere"), "there is no such file"),
    "large": (written(b"#" * (2**20 + 1)), "larger than 1 MiB"),
    "no text": (written(b"endpoint: \xff"), "line 1 is not UTF-8"),
    "control character": (written("endpoint: a\x01"), "a character that can't stand in it"),
    "bomb of values": (written(_BOMB), "stands for more than 20,000 values"),
    "bomb of text": (written(_LONG), "or 4 MiB of text"),
    "cycle": (written("endpoint: thing\nscenarios: &s {a: *s}\n"), "*s stands within what it refers to"),
    "depth": (written("endpoint: " + "[" * 300), "more than 100 mappings and lists"),
    "version": (written(f"%YAML {'9' * 5000}.1\n---\n"), "not YAML"),
    "tag": (written("!!python/object/apply:os.system [true]"), "has no meaning here"),
    "integer": (value("9" * 10_000), "would not be sent as it is written"),
    "many scenarios": (
        written("endpoint: thing\nscenarios:\n" + "".join(f"  a{n}: {{}}\n" for n in range(1001))),
        "at most 1000 items",
    ),
    "rate": (written(scenario("{rate: 1.0e+18, duration_s: 1}")), "less than or equal to 1000000000"),
    "rate and duration": (
        written(scenario("{rate: 1000000, duration_s: 86400}")),
        "at most 1,000,000,000 are possible",
    ),
    "slow rate": (written(scenario("{rate: 5.0e-324, duration_s: 1}")), "nothing would be sent"),
    "Poisson": (
        written(scenario("{rate: 1e+6, duration_s: 60, arrivals: poisson}")),
        "at most 10,000,000 are possible",
    ),
    "duration": (written(scenario("{workers: 1, duration_s: 1.0e+18}")), "less than or equal to 604800"),
    "stages": (
        written(scenario("{stages: [{rate: 1, duration_s: 604800}, {rate: 1, duration_s: 604800}]}")),
        "at most 604,800 s are possible",
    ),
    "many stages": (
        written(scenario("{stages: [" + "{rate: 1, duration_s: 1}, " * 1001 + "]}")),
        "at most 1000 items",
    ),
    "workers": (written(scenario("{workers: 1000000000000000000, requests: 1}")), "less than or equal to 100000"),
    "workers and stages": (
        written(scenario("{stages: [" + "{workers: 100000, duration_s: 1}, " * 11 + "]}")),
        "workers times stages are more than 1,000,000",
    ),
    "requests": (written(scenario("{workers: 1, requests: 9223372036854775808}")), "less than or equal to 1000000000"),
    "seed": (written(scenario(f"{{rate: 1, duration_s: 1, seed: {2**63}}}")), "less than 9223372036854775808"),
    "think time": (
        written(scenario("{workers: 1, requests: 1, think_time_s: 1.0e+308}")),
        "less than or equal to 604800",
    ),
    "timeout": (written(scenario(more="    timeout_s: 1.0e-300\n")), "greater than or equal to 0.000001"),
    "warm-up": (written(scenario(more="    warmup_requests: 1000000000000\n")), "less than or equal to 1000000"),
    "broadcast": (
        written(
            "endpoint: thing\nwebsocket: /w\nscenarios:\n  a:\n    load: {listeners: 1, events: 1, rate: 1.0e-300}\n"
            "    publish: {request: {path: /p}, id: id}\n    event: {id: id}\n"
        ),
        "its events can't be published",
    ),
    "deliveries": (
        written(
            "endpoint: thing\nwebsocket: /w\nscenarios:\n  a:\n    load: {listeners: 99999, events: 99999, rate: 99}\n"
            "    publish: {request: {path: /p}, id: id}\n    event: {id: id}\n"
        ),
        "more than 1,000,000,000 deliveries",
    ),
    "pattern": (check('{body_matches: "(?=x)y"}'), "no look-arounds and no back-references"),
    "large pattern": (check('{body_matches: "(x{1000}){1000}"}'), "too large once its repetitions are written out"),
    "JSON path": (check("{json: {a..b: {type: string}}}"), "a name or a position"),
    "no status": (check("{status: []}"), "no status is allowed"),
    "no number between": (check("{json: {a: {minimum: 2, maximum: 1}}}"), "no number is at least"),
    "length": (written(scenario(request="{path: /v1, headers: {content-length: '9'}}")), "follows from the body"),
    "header twice": (written(scenario(request="{path: /v1, headers: {a: b, A: c}}")), "is given twice"),
    "long path": (written(scenario(request=f"{{path: /{'x' * 65_536}}}")), "at most 65536 characters"),
    "blanks in a placeholder": (
        written(scenario(request="{path: '/{{" + " " * 60_000 + "}}'}")),
        "names a column, but there is no `feeder`",
    ),
    "feeder fifo": (fed(os.mkfifo), "rows.csv: a FIFO, not a file"),
    "feeder device": (fed(linked("/dev/zero")), "rows.csv: a device, not a file"),
    "feeder depth": (fed(written('{"id": ' + "[" * 200_000), "rows.jsonl"), "more than 100 objects and lists"),
    "feeder integer": (fed(written('{"id": ' + "9" * 5000 + "}"), "rows.jsonl"), "has more than 1,000 digits"),
    "feeder NUL": (fed(written("id\n\0\n")), "line 2 has a NUL byte in it"),
    "feeder rows": (fed(written("id\n" + "1\n" * 100_001)), "more than 100,000 rows"),
    "feeder columns": (fed(written(",".join(f"c{n}" for n in range(10_001)) + "\n")), "more than 10,000 columns"),
}


def expectation(**kwargs: object) -> str:
    raw = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "p95_s", "max_value": 1} | kwargs}
    return json.dumps({"expectations": [raw]})


def of_type(kind: str, **kwargs: object) -> str:
    return json.dumps({"expectations": [{"type": kind, "kwargs": {"column": "p95_s"} | kwargs}]})


SUITES: dict[str, tuple[Make, str]] = {
    "fifo": (os.mkfifo, "a FIFO, not a file"),
    "link to a device": (linked("/dev/zero"), "a device, not a file"),
    "folder": (Path.mkdir, "a folder, not a file"),
    "doubled": (written('{"expectations": [], "meta": {"a": 1, "a": 2}}'), "the key 'a' is given twice"),
    "depth": (written('{"expectations": ' + "[" * 200_000), "more than 100 objects and lists"),
    "NaN": (written(expectation(max_value=float("nan"))), "NaN is not a JSON number"),
    "integer": (written('{"expectations": ' + "9" * 5000 + "}"), "has more than 1,000 digits"),
    "number": (written(expectation(max_value=1e308)), "a number beyond 1,000,000,000,000,000"),
    "half a pair": (written('{"expectations": [], "notes": "\\ud800"}'), "half a surrogate pair"),
    "notes": (written('{"expectations": [], "notes": {"a": 1}}'), "notes must be text"),
    "many": (written(json.dumps({"expectations": [{}] * 101})), "more than 100 expectations"),
    "list": (written(of_type("expect_column_values_to_be_in_set", value_set=[0] * 101)), "more than 100 items"),
    "pattern": (
        written(of_type("expect_column_values_to_match_regex", regex="(([0-9]+)+)+x")),
        "it judges text",
    ),
    "condition that takes for ever": (written(expectation(row_condition="p95_s > 9**9**9**9")), "it calculates with"),
    "condition that writes": (written(expectation(row_condition="p95_s.to_csv('written') == 1")), "it may call only"),
    "condition with a pattern": (
        written(expectation(row_condition="scenario.str.match('(a+)+$')")),
        "it may call only",
    ),
    "condition that imports": (
        written(expectation(row_condition="@__import__('os').getpid() > 0")),
        "it is no expression",
    ),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    own_workspace(tmp_path, monkeypatch, scenario(), json.dumps(SUITE))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check_all_refuse(command: str, part: str) -> None:
    """See that a command, `run` and Airflow's first task refuse in the same sentence."""
    result = call(command)
    check_refused(result, 2, part)
    assert call("run", "--target", NOBODY).stderr == result.stderr
    with pytest.raises(BadInputError) as refused:
        steps.open_run(context_of(target=NOBODY), run_id="r", trigger="test")
    assert f"Error: {refused.value}" == result.stderr.strip()


def check_all_refuse_file(command: str, path: Path, make: Make, part: str) -> None:
    """The same of a file that is made anew."""
    path.unlink()
    make(path)
    check_all_refuse(command, part)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_file_is_refused_alike(name: str, folder: Path) -> None:
    check_all_refuse_file("plan", folder / "scenarios" / "thing.yaml", *SCENARIOS[name])


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_is_refused_alike(name: str, folder: Path) -> None:
    check_all_refuse_file("targets", folder / "expectations" / "thing.json", *SUITES[name])
    assert not (folder / "written").exists()


@pytest.mark.parametrize("factor", ["nan", "inf", "1e18", "-0", "0", "1e-300", "many", "1_0", "٣", "9" * 400])
def test_a_load_factor_that_makes_no_sense_is_refused_alike(factor: str, folder: Path) -> None:
    planned, ran = call("plan", "--load-factor", factor), call("run", "--load-factor", factor)
    check_refused(planned, 2, f"--load-factor {factor[:200]}", "write a number from 1e-06 to 1e+06")
    assert ran.stderr == planned.stderr


def test_a_load_that_a_factor_makes_too_large_is_refused_alike(folder: Path) -> None:
    (folder / "scenarios" / "thing.yaml").write_text(scenario("{workers: 1000, requests: 1}"))
    planned = call("plan", "--load-factor", "1000")
    check_refused(planned, 2, "load factor 1000: scenario thing.a can't have that load: load.workers: ")
    assert call("run", "--load-factor", "1000", "--target", NOBODY).stderr == planned.stderr


OPTIONS = [
    ["runs", "--limit", "0"],
    ["runs", "--limit", str(2**63)],
    ["runs", "--limit", "9" * 5000],
    ["messages", "--limit", "1e3"],
    ["history", "thing.a", "--limit", "-1"],
    ["regressions", "accept", str(10**30)],
    ["run", "--processes", "9" * 5000],
    ["backtest", "--runs-per-false-alarm", "1e300"],
    ["report", "half \udcff"],
    ["regressions", "accept", "1", "--why", "\0"],
    ["plan", "--scenarios", "x" * 5000],
    ["--out", "no\0folder", "runs"],
    ["--out", "no\udcfffolder", "runs"],
]


@pytest.mark.parametrize(
    "arguments", OPTIONS, ids=lambda arguments: " ".join(arguments)[:30].encode("ascii", "replace")
)
def test_an_option_that_makes_no_sense_is_refused(arguments: list[str], folder: Path) -> None:
    result = call(*arguments)
    check_refused(result, 2)
    assert result.stderr.strip().endswith(".")
    assert len(result.stderr) < 2000


def test_more_workers_than_a_process_may_have_files_are_refused_alike(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _limit: (256, 1000))
    (folder / "scenarios" / "thing.yaml").write_text(scenario("{workers: 1000, requests: 1000}"))
    check_all_refuse("plan", "1,000 connections at the same time need")
