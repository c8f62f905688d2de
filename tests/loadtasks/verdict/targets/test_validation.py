import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loadtasks.errors import BadInputError
from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.finding import Finding
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


def sentences(judged: Judged, scenario: str) -> list[str]:
    return [each.sentence for each in judged.findings.get(scenario, [])]


def missed(judged: Judged, scenario: str) -> list[Finding]:
    return [each for each in judged.findings.get(scenario, []) if each.kind is FindingKind.TARGET]


def test_what_meets_its_targets_has_no_findings() -> None:
    assert shipped(measurement()) == Judged()


def test_each_missed_target_is_told_with_what_was_observed_and_the_limit() -> None:
    slow = measurement("dashboard.sustained", times_s=[0.2] * 40 + [3.02] * 60, failed=8)
    judged = shipped(measurement(), slow, measurement("sessions.concurrent", times_s=[1.2, 2.9]))
    assert list(judged.findings) == [slow.scenario, "sessions.concurrent"]
    assert sentences(judged, slow.scenario) == [
        "success rate 92.6 %, target ≥ 95.0 %",
        "mean 1.89 s, target < 1.00 s",
        "p95 3.02 s, target < 2.00 s",
    ]
    assert judged.findings[slow.scenario][2] == Finding(
        kind=FindingKind.TARGET,
        metric="p95_s",
        observed=slow.p95_s,
        limit=2.0,
        sentence="p95 3.02 s, target < 2.00 s",
    )
    assert [each.sentence for each in missed(judged, "sessions.concurrent")] == ["mean 2.05 s, target < 1.50 s"]


def test_a_part_is_held_to_the_targets_of_its_own_endpoint() -> None:
    judged = shipped(
        measurement("mixed.concurrent"),
        measurement("mixed.concurrent", part="sessions", times_s=[1.2]),
        measurement("mixed.concurrent", part="config_get", times_s=[1.2]),
    )
    assert [(each.part, each.metric) for each in missed(judged, "mixed.concurrent")] == [
        ("config_get", "mean_s"),
        ("config_get", "p95_s"),
    ]
    assert judged.untargeted == []


def test_a_limit_that_may_not_be_reached_is_missed_when_it_is(tmp_path: Path) -> None:
    row = measurement()
    assert row.p95_s is not None
    strict = {"type": _BETWEEN, "kwargs": {"column": "p95_s", "max_value": row.p95_s, "strict_max": True}}
    lenient = {"type": _BETWEEN, "kwargs": {"column": "p95_s", "max_value": row.p95_s}}
    assert sentences(judged_by(tmp_path, strict, rows=(row,)), row.scenario) == ["p95 50.0 ms, target < 50.0 ms"]
    assert judged_by(tmp_path, lenient, rows=(row,)) == Judged()


def test_rounding_never_hides_why_a_target_was_missed() -> None:
    almost = measurement(times_s=[0.1] * 18999, failed=1001)
    assert sentences(shipped(almost), almost.scenario) == [
        "success rate 95.0 % (exactly 0.94995 against 0.95), target ≥ 95.0 %"
    ]


def test_a_target_with_nothing_to_judge_is_not_met() -> None:
    unconnected = measurement("websocket.connections", connect_mean_s=None)
    judged = shipped(unconnected, measurement("websocket.broadcast"))
    assert judged.findings == {
        unconnected.scenario: [
            Finding(
                kind=FindingKind.TARGET,
                metric="connect_mean_s",
                limit=1.0,
                sentence="mean time to connect was not measured, target < 1.00 s",
            )
        ]
    }


def test_of_an_untrusted_scenario_nothing_is_claimed_but_conservation_is_shown(tmp_path: Path) -> None:
    lost = measurement("dashboard.sustained", times_s=[9.0], scheduled=3)
    judged = shipped(lost, measurement("dashboard.concurrent", times_s=[9.0]), untrusted=(lost.scenario,))
    assert [finding.metric for finding in judged.findings[lost.scenario]] == ["conservation_gap"]
    assert [each.metric for each in missed(judged, "dashboard.concurrent")] == ["mean_s", "p95_s"]


def test_what_has_no_suite_is_told() -> None:
    judged = shipped(measurement("search.x"), measurement("mixed.x"), measurement("mixed.x", part="search"))
    assert judged.untargeted == ["search.x", "mixed.x (search)"]
    assert [finding.kind for finding in judged.findings["search.x"]] == [FindingKind.NOTE]
    assert "no suite search.json" in sentences(judged, "search.x")[0]


def test_only_critical_targets_fail(tmp_path: Path) -> None:
    row = measurement(times_s=[3.0] * 100)
    raw = {"type": _BETWEEN, "kwargs": {"column": "p95_s", "max_value": 2.0}, "severity": "warning"}
    (finding,) = judged_by(tmp_path, raw, rows=(row,)).findings[row.scenario]
    assert finding.kind is FindingKind.NOTE
    assert finding.sentence == "p95 3.00 s, target ≤ 2.00 s (warning)"


def test_a_number_of_requests_is_told_as_people_count(tmp_path: Path) -> None:
    row = measurement(throttled=40, failed=1)
    none = [{"type": _BETWEEN, "kwargs": {"column": name, "max_value": 0}} for name in ("throttled", "failed")]
    assert sentences(judged_by(tmp_path, *none, rows=(row,)), row.scenario) == [
        "40 requests throttled, target 0",
        "1 request failed, target 0",
    ]


def test_a_target_on_a_percentile_that_too_few_requests_tell_is_noted_once_and_judged_all_the_same(
    tmp_path: Path,
) -> None:
    targets = [("p95_s", 2.0), ("p99_s", 2.0), ("p99_s", 1.0), ("p50_s", 2.0), ("max_s", 2.0)]
    raw = [{"type": _BETWEEN, "kwargs": {"column": name, "max_value": limit}} for name, limit in targets]
    slow, enough = measurement(times_s=[1.5] * 100), measurement("dashboard.sustained", times_s=[0.1] * 368)
    judged = judged_by(tmp_path, *raw, rows=(slow, enough))
    assert judged.findings == {
        slow.scenario: [
            missed(judged, slow.scenario)[0],
            Finding(
                kind=FindingKind.NOTE,
                metric="p99_s",
                sentence="not known: 100 requests can't tell a p99; it takes 368, so its target judges these requests "
                "alone",
            ),
        ]
    }


def test_parts_of_too_few_requests_share_a_note() -> None:
    parts = {"sessions": 30, "config_get": 29, "websocket": 20, "dashboard": 72}
    judged = shipped(
        measurement("mixed.x", times_s=[0.1] * 20),
        *(measurement("mixed.x", part=part, times_s=[0.1] * number) for part, number in parts.items()),
    )
    assert sentences(judged, "mixed.x") == [
        "not known: so few requests can't tell a p95 (sessions 30, config_get 29); it takes 72, so its target judges "
        "these requests alone"
    ]


def test_nothing_timed_tells_no_percentile_and_needs_no_note(tmp_path: Path) -> None:
    raw = {"type": _BETWEEN, "kwargs": {"column": "p99_s", "max_value": 2.0}}
    row = measurement(times_s=[], failed=3)
    assert [finding.kind for finding in judged_by(tmp_path, raw, rows=(row,)).findings[row.scenario]] == [
        FindingKind.TARGET
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
    assert list(judged_by(tmp_path, raw, rows=(sustained, concurrent)).findings) == ["dashboard.sustained"]


def test_an_expectation_of_all_rows_is_told_of_each(tmp_path: Path) -> None:
    rows = (measurement("dashboard.sustained", times_s=[3.0]), measurement("dashboard.concurrent"))
    raw = {"type": "expect_column_max_to_be_between", "kwargs": {"column": "max_s", "max_value": 1.0}}
    judged = judged_by(tmp_path, raw, rows=rows)
    assert set(judged.findings) == {row.scenario for row in rows}
    assert "max 3.00 s, target ≤ 1.00 s" in sentences(judged, "dashboard.sustained")


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({"type": "expect_wonders", "kwargs": {}}, r"expectation 1 \(expect_wonders\): .*expect_wonders not found"),
        (
            {"type": "expect_column_max_to_be_between", "kwargs": {"column": "p95_s", "max_valu": 2.0}},
            r"expectation 1 \(expect_column_max_to_be_between\): .*max_valu",
        ),
        (
            {"type": "expect_column_pair_values_to_be_equal", "kwargs": {"column_A": "p95_s", "column_B": "nope"}},
            r"expectation 1 .*can't evaluate it: .*nope",
        ),
    ],
)
def test_what_great_expectations_cannot_evaluate_is_named(tmp_path: Path, raw: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInputError, match=f"{tmp_path}/dashboard.json: {says}") as caught:
        judged_by(tmp_path, raw, rows=(measurement(),))
    assert "\n" not in str(caught.value)


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


def test_data_docs_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match=f"{tmp_path}/file/docs: Data Docs can't be written"):
        shipped(measurement(), data_docs=tmp_path / "file" / "docs")


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
