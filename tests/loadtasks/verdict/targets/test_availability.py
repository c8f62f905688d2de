"""The built-in target on the share of the time in which a target served."""

import json
from pathlib import Path
from typing import Any

import pytest

from loadtasks.measurement.availability import Availability
from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import Bound, Comparison, TargetMissed
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.verdict.judge_run import judge_run
from loadtasks.verdict.targets.suites import Suite, read_suites
from tests.measurements import measurement

BETWEEN = "expect_column_values_to_be_between"


def target(column: str, **kwargs: Any) -> dict[str, Any]:
    severity = {"severity": kwargs.pop("severity")} if "severity" in kwargs else {}
    return {"type": BETWEEN, "kwargs": {"column": column, **kwargs}, **severity}


def suites(folder: Path, **expectations: list[dict[str, Any]]) -> list[Suite]:
    for name, targets in expectations.items():
        (folder / f"{name}.json").write_text(json.dumps({"name": name, "expectations": targets}))
    return read_suites(folder)


def measured(share: float | None, outage_s: float = 3.0, **changes: Any) -> Measurement:
    """Nearly all requests succeeded, in this share of the time."""
    availability = None
    if share is not None:
        outage: dict[str, Any] = {"longest_outage_s": outage_s, "longest_outage_from_s": 2.0} if share < 1 else {}
        availability = Availability(share=share, **outage)
    return measurement("thing.x", times_s=[0.01] * 999, failed=1, availability=availability, **changes)


def judged(measurements: list[Measurement], of_suites: list[Suite]) -> ScenarioVerdict:
    (verdict,) = judge_run(["thing.x"], measurements, {}, of_suites)
    return verdict


def of_code(verdict: ScenarioVerdict, code: FindingCode) -> list[Finding]:
    return [finding for finding in verdict.findings if finding.code is code]


P95 = target("p95_s", max_value=1.0)


@pytest.mark.parametrize(
    ("share", "targets", "limit"),
    [
        (0.625, {"thing": [P95]}, 0.99),
        (0.989, {"other": [P95]}, 0.99),
        (0.625, {"thing": [target("success_rate", min_value=0.7)]}, 0.7),
        (0.625, {"every_measurement": [target("success_rate", min_value=0.9)]}, 0.9),
        (0.98, {"thing": [target("success_rate", min_value=0.5, severity="warning")]}, 0.99),
    ],
)
def test_it_is_held_to_the_limit_of_the_success_rate(
    tmp_path: Path, share: float, targets: dict[str, list[dict[str, Any]]], limit: float
) -> None:
    verdict = judged([measured(share)], suites(tmp_path, **targets))
    assert verdict.verdict is Verdict.FAIL
    (missed,) = of_code(verdict, FindingCode.TARGET_MISSED)
    assert (missed.metric, missed.observed, missed.limit) == ("availability", share, limit)
    bound = Bound(comparison=Comparison.AT_LEAST, value=limit)
    assert missed.parameters == TargetMissed(built_in=True, bounds=(bound,))
    assert of_code(verdict, FindingCode.OUTAGE) == [], "its cause says it"


@pytest.mark.parametrize(
    ("share", "targets"),
    [
        (0.99, [P95]),
        (0.95, [target("success_rate", min_value=0.95)]),
        (0.625, [target("success_rate", min_value=0.95), target("availability", min_value=0.6)]),
    ],
)
def test_one_that_meets_it_passes_and_its_outage_is_noted(
    tmp_path: Path, share: float, targets: list[dict[str, Any]]
) -> None:
    verdict = judged([measured(share)], suites(tmp_path, thing=targets))
    assert verdict.verdict is Verdict.PASS
    (note,) = of_code(verdict, FindingCode.OUTAGE)
    assert (note.severity, note.observed) == (Severity.WARNING, share)


@pytest.mark.parametrize(("share", "outage_s"), [(1.0, 0.0), (0.999, 0.05), (None, 0.0)])
def test_what_was_always_there_and_what_is_not_known_is_met_without_a_word(
    tmp_path: Path, share: float | None, outage_s: float
) -> None:
    own = suites(tmp_path, thing=[P95, target("availability", min_value=0.9)])
    for known in (own, suites(tmp_path, thing=[P95])):
        verdict = judged([measured(share, outage_s)], known)
        assert (verdict.verdict, of_code(verdict, FindingCode.OUTAGE)) == (Verdict.PASS, [])


def test_a_suites_own_target_takes_its_place(tmp_path: Path) -> None:
    verdict = judged([measured(0.7)], suites(tmp_path, thing=[target("availability", min_value=0.9999)]))
    (missed,) = of_code(verdict, FindingCode.TARGET_MISSED)
    assert isinstance(missed.parameters, TargetMissed)
    assert (missed.parameters.suite, missed.limit) == ("thing.json", 0.9999)


def test_the_parts_of_a_mixed_scenario_are_judged(tmp_path: Path) -> None:
    parts = [measured(0.9), measured(0.9, part="good", endpoint="thing"), measured(0.5, part="bad", endpoint="thing")]
    verdict = judged(parts, suites(tmp_path, thing=[target("success_rate", min_value=0.8)]))
    assert [finding.part for finding in of_code(verdict, FindingCode.TARGET_MISSED)] == ["bad"]
    assert [finding.part for finding in of_code(verdict, FindingCode.OUTAGE)] == ["good"]


def test_an_invalid_scenario_has_no_availability_to_be_judged(tmp_path: Path) -> None:
    verdict = judged([measured(0.5, scheduled=2000)], suites(tmp_path, thing=[P95]))
    assert verdict.verdict is Verdict.INVALID
    assert of_code(verdict, FindingCode.TARGET_MISSED) == []
