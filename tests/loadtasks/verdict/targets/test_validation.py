import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import (
    Bound,
    Comparison,
    InsufficientSample,
    NoTarget,
    Sample,
    TargetMissed,
    TargetNotEvaluated,
)
from loadtasks.verdict.targets.validation import Judged, judge, read_suites
from tests.measurements import measurement

_PROJECT = Path(__file__).parents[4]
_SHIPPED = _PROJECT / "expectations"
_BETWEEN = "expect_column_values_to_be_between"


def shipped(*measurements: Measurement, data_docs: Path | None = None, untrusted: tuple[str, ...] = ()) -> Judged:
    return judge(measurements, read_suites(_SHIPPED), data_docs, untrusted=untrusted)


def judged_by(folder: Path, *expectations: dict[str, Any], rows: tuple[Measurement, ...]) -> Judged:
    (folder / "dashboard.json").write_text(json.dumps({"expectations": expectations}))
    return judge(rows, read_suites(folder))


def found(judged: Judged, scenario: str) -> list[tuple[FindingCode, str]]:
    return [(finding.code, finding.metric) for finding in judged.findings.get(scenario, [])]


def missed(judged: Judged, scenario: str) -> list[Finding]:
    return [finding for finding in judged.findings.get(scenario, []) if finding.code is FindingCode.TARGET_MISSED]


def test_what_meets_its_targets_has_no_findings() -> None:
    judged = shipped(measurement())
    assert not judged.findings
    assert ("p95_s", 0.05, "dashboard.json", False) in [
        (met.metric, round(met.observed or 0, 3), met.suite, met.built_in) for met in judged.met["dashboard.concurrent"]
    ]


def test_the_targets_that_are_met_are_kept_the_built_in_ones_too(tmp_path: Path) -> None:
    row = measurement("dashboard.x", times_s=[0.1] * 99, failed=1)
    fast = {"type": _BETWEEN, "severity": "warning", "kwargs": {"column": "p50_s", "max_value": 0.2}}
    slow = {"type": _BETWEEN, "kwargs": {"column": "p95_s", "max_value": 0.05}}
    judged = judged_by(tmp_path, fast, slow, rows=(row,))
    assert [(met.metric, met.severity, met.built_in, met.bounds[0].value) for met in judged.met["dashboard.x"]] == [
        ("p50_s", Severity.WARNING, False, 0.2),
        ("success_rate", Severity.CRITICAL, True, 0.99),
    ]
    assert not shipped(row, untrusted=("dashboard.x",)).met


def test_a_missed_target_has_what_was_observed_and_the_limit() -> None:
    slow = measurement("dashboard.sustained", times_s=[0.2] * 40 + [3.02] * 60, failed=8)
    judged = shipped(measurement(), slow, measurement("sessions.concurrent", times_s=[1.2, 2.9]))
    assert list(judged.findings) == [slow.scenario, "sessions.concurrent"]
    assert [finding.metric for finding in judged.findings[slow.scenario]] == ["success_rate", "mean_s", "p95_s"]
    assert judged.findings[slow.scenario][2] == Finding(
        code=FindingCode.TARGET_MISSED,
        metric="p95_s",
        observed=slow.p95_s,
        limit=2.0,
        parameters=TargetMissed(
            expectation=_BETWEEN,
            suite="dashboard.json",
            bounds=(Bound(comparison=Comparison.BELOW, value=2.0),),
        ),
    )
    (miss,) = missed(judged, "sessions.concurrent")
    assert (miss.metric, miss.observed, miss.limit) == ("mean_s", pytest.approx(2.05, rel=1e-3), 1.5)


def test_a_part_is_held_to_the_targets_of_its_own_endpoint() -> None:
    judged = shipped(
        measurement("mixed.concurrent"),
        measurement("mixed.concurrent", part="sessions", times_s=[1.2]),
        measurement("mixed.concurrent", part="config_get", times_s=[1.2]),
    )
    assert [(finding.part, finding.metric) for finding in missed(judged, "mixed.concurrent")] == [
        ("config_get", "mean_s"),
        ("config_get", "p95_s"),
    ]


def test_a_limit_that_may_not_be_reached_is_missed_when_it_is(tmp_path: Path) -> None:
    row = measurement()
    assert row.p95_s is not None
    strict = {"type": _BETWEEN, "kwargs": {"column": "p95_s", "max_value": row.p95_s, "strict_max": True}}
    lenient = {"type": _BETWEEN, "kwargs": {"column": "p95_s", "max_value": row.p95_s}}
    (miss,) = judged_by(tmp_path, strict, rows=(row,)).findings[row.scenario]
    assert (miss.observed, miss.limit) == (row.p95_s, row.p95_s)
    assert not judged_by(tmp_path, lenient, rows=(row,)).findings


def test_a_target_with_nothing_to_judge_is_not_met() -> None:
    unconnected = measurement("websocket.connections", connect_mean_s=None)
    judged = shipped(unconnected, measurement("websocket.broadcast"))
    assert list(judged.findings) == [unconnected.scenario]
    (miss,) = missed(judged, unconnected.scenario)
    assert (miss.metric, miss.observed, miss.limit) == ("connect_mean_s", None, 1.0)


def test_an_untrusted_scenario_is_judged_by_conservation_alone(tmp_path: Path) -> None:
    lost = measurement("dashboard.sustained", times_s=[9.0], scheduled=3)
    judged = shipped(lost, measurement("dashboard.concurrent", times_s=[9.0]), untrusted=(lost.scenario,))
    assert [finding.metric for finding in judged.findings[lost.scenario]] == ["conservation_gap"]
    assert [finding.metric for finding in missed(judged, "dashboard.concurrent")] == ["mean_s", "p95_s"]


def test_what_has_no_suite_is_found() -> None:
    judged = shipped(measurement("search.x"), measurement("mixed.x"), measurement("mixed.x", part="search"))
    assert judged.findings["search.x"] == [Finding(code=FindingCode.NO_TARGET, parameters=NoTarget(endpoint="search"))]
    assert judged.findings["mixed.x"] == [
        Finding(code=FindingCode.NO_TARGET, part="search", parameters=NoTarget(endpoint="search"))
    ]


def test_what_only_a_suite_for_every_measurement_judges_by_its_load_has_no_target(tmp_path: Path) -> None:
    gap = {"type": _BETWEEN, "kwargs": {"column": "conservation_gap", "max_value": 0}}
    row = measurement()
    judged = judged_by(tmp_path, gap, rows=(row,))
    no_target = Finding(code=FindingCode.NO_TARGET, parameters=NoTarget(endpoint="dashboard", suite_exists=True))
    assert judged.findings[row.scenario] == [no_target]


def test_only_critical_targets_fail(tmp_path: Path) -> None:
    row = measurement(times_s=[3.0] * 100)
    raw = {"type": _BETWEEN, "kwargs": {"column": "p95_s", "max_value": 2.0}, "severity": "warning"}
    finding, no_target = judged_by(tmp_path, raw, rows=(row,)).findings[row.scenario]
    assert (finding.code, finding.severity) == (FindingCode.TARGET_MISSED, Severity.WARNING)
    assert not finding.misses_target
    assert no_target.code is FindingCode.NO_TARGET


def test_a_target_on_a_percentile_of_too_few_requests_is_noted_once_and_judged_all_the_same(tmp_path: Path) -> None:
    targets = [("p95_s", 2.0), ("p99_s", 2.0), ("p99_s", 1.0), ("p50_s", 2.0), ("max_s", 2.0)]
    raw = [{"type": _BETWEEN, "kwargs": {"column": name, "max_value": limit}} for name, limit in targets]
    slow, enough = measurement(times_s=[1.5] * 100), measurement("dashboard.sustained", times_s=[0.1] * 368)
    judged = judged_by(tmp_path, *raw, rows=(slow, enough))
    assert judged.findings == {
        slow.scenario: [
            missed(judged, slow.scenario)[0],
            Finding(
                code=FindingCode.INSUFFICIENT_SAMPLE,
                metric="p99_s",
                parameters=InsufficientSample(needed=368, samples=(Sample(part="", requests=100),)),
            ),
        ]
    }


def test_parts_of_too_few_requests_share_a_finding() -> None:
    parts = {"sessions": 30, "config_get": 29, "websocket": 20, "dashboard": 72}
    judged = shipped(
        measurement("mixed.x", times_s=[0.1] * 20),
        *(measurement("mixed.x", part=part, times_s=[0.1] * number) for part, number in parts.items()),
    )
    samples = (Sample(part="sessions", requests=30), Sample(part="config_get", requests=29))
    assert judged.findings["mixed.x"] == [
        Finding(
            code=FindingCode.INSUFFICIENT_SAMPLE,
            metric="p95_s",
            parameters=InsufficientSample(needed=72, samples=samples),
        )
    ]


def test_nothing_timed_needs_no_note_about_percentiles(tmp_path: Path) -> None:
    raw = {"type": _BETWEEN, "kwargs": {"column": "p99_s", "max_value": 2.0}}
    row = measurement(times_s=[], failed=3)
    assert found(judged_by(tmp_path, raw, rows=(row,)), row.scenario) == [
        (FindingCode.TARGET_MISSED, "p99_s"),
        (FindingCode.NOTHING_SUCCEEDED, "success_rate"),
    ]


def test_a_suite_may_pick_scenarios_by_condition(tmp_path: Path) -> None:
    sustained, concurrent = (
        measurement(name, times_s=[3.0]) for name in ("dashboard.sustained", "dashboard.concurrent")
    )
    raw = {
        "type": _BETWEEN,
        "kwargs": {
            "column": "p95_s",
            "max_value": 2.0,
            "row_condition": 'col("scenario") == "dashboard.sustained"',
            "condition_parser": "great_expectations",
        },
    }
    judged = judged_by(tmp_path, raw, rows=(sustained, concurrent))
    assert missed(judged, sustained.scenario)
    assert found(judged, concurrent.scenario) == [(FindingCode.NO_TARGET, "")]


def test_an_expectation_of_the_rows_that_fulfil_a_condition_is_missed_by_these_alone(tmp_path: Path) -> None:
    rows = tuple(measurement(f"dashboard.{name}", times_s=[3.0] * 100) for name in ("sustained", "concurrent"))
    kwargs = {"column": "max_s", "max_value": 1.0, "row_condition": 'scenario == "dashboard.sustained"'}
    judged = judged_by(tmp_path, {"type": "expect_column_max_to_be_between", "kwargs": kwargs}, rows=rows)
    assert [bool(missed(judged, row.scenario)) for row in rows] == [True, False]


def test_a_pair_of_metrics_of_which_one_is_missing_is_not_met(tmp_path: Path) -> None:
    kwargs = {
        "column_A": "p95_s",
        "column_B": "connect_mean_s",
        "or_equal": True,
        "ignore_row_if": "either_value_is_missing",
    }
    raw = {"type": "expect_column_pair_values_a_to_be_greater_than_b", "kwargs": kwargs}
    row = measurement(connect_mean_s=None)
    assert missed(judged_by(tmp_path, raw, rows=(row,)), row.scenario)
    assert not missed(judged_by(tmp_path, raw, rows=(measurement(),)), row.scenario)


def test_an_expectation_of_all_rows_is_missed_by_all_of_them(tmp_path: Path) -> None:
    rows = (measurement("dashboard.sustained", times_s=[3.0]), measurement("dashboard.concurrent"))
    raw = {"type": "expect_column_max_to_be_between", "kwargs": {"column": "max_s", "max_value": 1.0}}
    judged = judged_by(tmp_path, raw, rows=rows)
    assert set(judged.findings) == {row.scenario for row in rows}
    miss = judged.findings["dashboard.sustained"][0]
    assert (miss.metric, miss.observed, miss.limit) == ("max_s", pytest.approx(3.0, rel=1e-3), 1.0)


_RAISES = {
    "type": "expect_column_quantile_values_to_be_between",
    "kwargs": {"column": "p95_s", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[0, 2.0]]}},
}


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({"type": "expect_wonders", "kwargs": {}}, "expect_wonders not found"),
        (
            {"type": "expect_column_max_to_be_between", "kwargs": {"column": "p95_s", "max_value": 2, "max_valu": 2.0}},
            "max_valu",
        ),
        (_RAISES, "bool"),
        ({"type": _BETWEEN, "kwargs": {"column": "p95_s", "max_value": 2, "row_condition": "nope == 1"}}, "nope"),
    ],
)
def test_what_can_not_be_evaluated_fails_itself_and_the_rest_is_judged(
    tmp_path: Path, raw: dict[str, Any], says: str
) -> None:
    slow = {"type": _BETWEEN, "kwargs": {"column": "mean_s", "max_value": 0.001}}
    row = measurement()
    missing, not_evaluated = sorted(
        judged_by(tmp_path, slow, raw, rows=(row,)).findings[row.scenario], key=lambda finding: finding.code
    )
    assert (missing.code, missing.metric) == (FindingCode.TARGET_MISSED, "mean_s")
    assert not_evaluated.code is FindingCode.TARGET_NOT_EVALUATED
    assert not_evaluated.misses_target
    parameters = not_evaluated.parameters
    assert isinstance(parameters, TargetNotEvaluated)
    assert (parameters.expectation, parameters.number, parameters.suite) == (raw["type"], 2, "dashboard.json")
    assert says in parameters.problem
    assert "\n" not in parameters.problem


def test_several_that_can_not_be_evaluated_are_all_found(tmp_path: Path) -> None:
    row = measurement()
    raw = [
        _RAISES,
        {"type": _BETWEEN, "kwargs": {"column": "p95_s", "max_value": 2.0}},
        _RAISES | {"severity": "warning"},
    ]
    findings = judged_by(tmp_path, *raw, rows=(row,)).findings[row.scenario]
    assert [(finding.code, finding.severity) for finding in findings] == [
        (FindingCode.TARGET_NOT_EVALUATED, Severity.CRITICAL),
        (FindingCode.TARGET_NOT_EVALUATED, Severity.WARNING),
    ]


def test_data_docs_that_great_expectations_can_not_build_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: object) -> None:
        raise TypeError("no such page")

    monkeypatch.setattr("great_expectations.data_context.EphemeralDataContext.build_data_docs", refuse)
    slow = measurement(times_s=[9.0] * 100)
    judged = shipped(slow, data_docs=tmp_path / "docs")
    assert judged.docs_problem == "no such page"
    assert missed(judged, slow.scenario)
    assert not (tmp_path / "docs").exists()


def test_data_docs_show_each_suite_and_the_rows_that_missed_and_nothing_of_before(tmp_path: Path) -> None:
    docs = tmp_path / "run" / "data_docs"
    for _ in range(2):
        shipped(measurement("sessions.x", times_s=[9.0]), measurement(), data_docs=docs)
    assert (docs / "index.html").is_file()
    pages = sorted(docs.glob("validations/*/*/*/*.html"))
    assert [page.relative_to(docs).parts[1] for page in pages] == ["dashboard", "every_measurement", "sessions"]
    assert {page.relative_to(docs).parts[2] for page in pages} == {"measured-20261124T020000Z"}
    assert "sessions.x" in pages[2].read_text()
    suite = (docs / "expectations" / "sessions.html").read_text()
    assert "Targets of the list of sessions" in suite
    assert "95th percentile of the response time" in suite


@pytest.mark.parametrize("obstacle", ["file", "loop", "full"])
def test_data_docs_that_cannot_be_written_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, obstacle: str
) -> None:
    docs = tmp_path / "run" / "data_docs"
    if obstacle == "file":
        docs.parent.write_text("a file")
    elif obstacle == "loop":
        docs.parent.symlink_to(docs.parent)
    else:
        monkeypatch.setattr(
            "great_expectations.data_context.store.TupleFilesystemStoreBackend._set", lambda *_, **__: no_space(docs)
        )
    slow = measurement(times_s=[9.0] * 100)
    judged = shipped(slow, data_docs=docs)
    assert judged.docs_problem is not None
    assert str(docs.parent) in judged.docs_problem
    assert missed(judged, slow.scenario)
    assert not docs.exists()


def no_space(path: Path) -> None:
    raise OSError(28, "No space left on device", str(path))


@pytest.mark.parametrize("obstacle", ["file", "loop", "link"])
def test_data_docs_take_the_place_of_whatever_is_there(tmp_path: Path, obstacle: str) -> None:
    docs, other = tmp_path / "data_docs", tmp_path / "other"
    other.mkdir()
    if obstacle == "file":
        docs.write_text("a file")
    else:
        docs.symlink_to(docs if obstacle == "loop" else other)
    assert shipped(measurement(), data_docs=docs).docs_problem is None
    assert (docs / "index.html").is_file()
    assert not docs.is_symlink()
    assert list(other.iterdir()) == []


def test_judging_is_silent_and_writes_nowhere_else(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from loadtasks.verdict.targets.validation import judge, read_suites
from tests.measurements import measurement
suites = read_suites(Path(sys.argv[1]))
assert "great_expectations" not in sys.modules and "pandas" not in sys.modules
judge([measurement(times_s=[9.0])], suites, Path(sys.argv[2]))
"""
    places = {name: tmp_path / name for name in ("HOME", "TMPDIR", "cwd", "docs")}
    for place in places.values():
        place.mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", code, str(_SHIPPED), str(places["docs"] / "site")],
        cwd=places["cwd"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(_PROJECT), "PYTHONDONTWRITEBYTECODE": "1"}
        | {name: str(places[name]) for name in ("HOME", "TMPDIR")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {name: [path.name for path in place.iterdir()] for name, place in places.items()} == {
        "HOME": [],
        "TMPDIR": [],
        "cwd": [],
        "docs": ["site"],
    }
