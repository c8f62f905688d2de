import json
from pathlib import Path
from typing import Any

import pytest

from loadtasks.errors import BadInputError
from loadtasks.measurement.metrics import METRICS
from loadtasks.results.findings.codes import Severity
from loadtasks.verdict.targets.suites import Expectation, read_suites

_SHIPPED = Path(__file__).parents[4] / "expectations"
_BETWEEN = "expect_column_values_to_be_between"


def expectation(**changes: Any) -> dict[str, Any]:
    return {"type": _BETWEEN, "kwargs": {"column": "p95_s", "max_value": 2.0, "strict_max": True}} | changes


def write(folder: Path, content: object, name: str = "dashboard") -> Path:
    path = folder / f"{name}.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def target(of: Expectation) -> str:
    return " and ".join(f"{bound.comparison.value} {bound.value}" for bound in of.bounds)


def with_kwargs(**kwargs: Any) -> dict[str, Any]:
    return {"expectations": [expectation(kwargs=kwargs)]}


def of_type(kind: str, **kwargs: Any) -> dict[str, Any]:
    return {"expectations": [{"type": kind, "kwargs": kwargs}]}


def test_the_shipped_targets_are_those_that_were_agreed() -> None:
    targets = {
        suite.name: {
            expectation.column: (target(expectation), expectation.severity) for expectation in suite.expectations
        }
        for suite in read_suites(_SHIPPED)
    }
    http = {
        "dashboard": ("< 1.0", "< 2.0"),
        "sessions": ("< 1.5", "< 3.0"),
        "config_get": ("< 0.5", "< 1.0"),
        "config_put": ("< 1.0", "< 2.0"),
    }
    critical = Severity.CRITICAL
    assert targets == {
        name: {
            "success_rate": (">= 0.95", critical),
            "throttled": ("= 0.0", critical),
            "mean_s": (mean, critical),
            "p95_s": (p95, critical),
        }
        for name, (mean, p95) in http.items()
    } | {
        "websocket": {
            "success_rate": (">= 0.9", critical),
            "throttled": ("= 0.0", critical),
            "connect_mean_s": ("< 1.0", critical),
        },
        "rate_limits": {
            "throttled": ("= 20.0", critical),
            "success_rate": (">= 1.0", critical),
            "failed": ("= 0.0", critical),
            "dropped": ("= 0.0", critical),
            "mean_s": ("< 1.0", critical),
            "p95_s": ("< 2.0", critical),
        },
        "every_measurement": {"conservation_gap": ("= 0.0", critical)},
    }


@pytest.mark.parametrize(
    ("kwargs", "demanded"),
    [
        ({"column": "throttled", "max_value": 0}, "= 0.0"),
        ({"column": "throttled", "max_value": 10}, "<= 10.0"),
        ({"column": "conservation_gap", "max_value": 0}, "<= 0.0"),
        ({"column": "completed", "min_value": 90}, ">= 90.0"),
        ({"column": "p95_s", "min_value": 1.0, "max_value": 2.0, "strict_max": True}, ">= 1.0 and < 2.0"),
    ],
)
def test_a_target_is_bounds(tmp_path: Path, kwargs: dict[str, Any], demanded: str) -> None:
    write(tmp_path, with_kwargs(**kwargs))
    assert target(read_suites(tmp_path)[0].expectations[0]) == demanded


def test_a_suite_is_read_as_great_expectations_writes_it(tmp_path: Path) -> None:
    raw = expectation(id="0b1c", severity="warning", meta={"a": 1}, description="d", notes=["n"])
    path = write(tmp_path, {"name": "dashboard", "id": "x", "meta": {}, "notes": "why", "expectations": [raw]})
    (suite,) = read_suites(tmp_path)
    assert (suite.name, suite.path, suite.notes) == ("dashboard", path, "why")
    assert suite.expectations[0].raw == raw
    assert suite.expectations[0].severity is Severity.WARNING


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"expectations": [', "not JSON: column 19: expecting value"),
        ([], "a suite is a JSON object"),
        ({"name": "dashboard"}, "expectations must be a list"),
        ({"expectations": {}}, "expectations must be a list"),
        ({"name": "dashbord", "expectations": [expectation()]}, "name is 'dashbord'.*write 'dashboard'"),
        ({"expectation": [expectation()]}, "expectation is not known; known are expectations, id"),
        ({"expectations": ["p95"]}, "expectation 1 must be an object"),
        ({"expectations": [{"kwargs": {}}]}, "expectation 1: type is missing"),
        (
            {"expectations": [expectation(), expectation(kwarg={})]},
            r"expectation 2 \(expect.*\): kwarg is not known",
        ),
        ({"expectations": [expectation(severity="high")]}, "severity 'high' must be one of critical, warning, info"),
        ({"expectations": [expectation(kwargs=None)]}, "kwargs must be an object"),
        (with_kwargs(max_value=2), r"kwargs\.column is missing; name one of scheduled, .*connect_mean_s"),
        (with_kwargs(column="p59_s", max_value=2), r"kwargs\.column 'p59_s' does not exist; name one of scheduled,"),
        (with_kwargs(column=["p95_s"], max_value=2), r"kwargs\.column \['p95_s'\] does not exist"),
        (with_kwargs(column="p95_s"), "neither min_value nor max_value"),
        (with_kwargs(column="p95_s", max_value="2 s"), r"kwargs\.max_value '2 s' must be a number"),
        (with_kwargs(column="p95_s", max_value=True), r"kwargs\.max_value True must be a number"),
        (with_kwargs(column="p95_s", max_value=float("nan")), "NaN is not a JSON number"),
        (with_kwargs(column="p95_s", max_valu=2), r"kwargs\.max_valu is not known; known are column"),
        (with_kwargs(column="p95_s", min_value=3, max_value=2), r"kwargs\.min_value 3 is above max_value 2"),
        (with_kwargs(column="p95_s", max_value=3, strict_max="yes"), r"kwargs\.strict_max 'yes' must be true or false"),
        (
            with_kwargs(column="p95_s", max_value="${P95}"),
            r"environment variables are not filled in, so that \$\{P95\}",
        ),
        (with_kwargs(column="success_rate", min_value=95), r"min_value 95 must be a share from 0 to 1"),
        (with_kwargs(column="p95_s", max_value=2, mostly=0), r"kwargs\.mostly 0 must be a share of the measurements"),
        (with_kwargs(column="p95_s", max_value=2, mostly=1.5), r"kwargs\.mostly 1\.5 must be a share"),
        (with_kwargs(column="p95_s", max_value=2, severity="info"), r"kwargs\.severity says nothing"),
        (with_kwargs(column="p95_s", max_value=2, min_value=2, strict_max=True), "no value is between 2 and 2"),
        ('{"expectations": [], "expectations": []}', "'expectations' is given twice in one object"),
        (
            '{"expectations": [{"type": "' + _BETWEEN + '", "kwargs": {"column": "p95_s", "max_value": 1e999}}]}',
            "the number 1e999 is too large|Infinity is not a JSON number",
        ),
        ({"suite_parameters": {"p": 1}, "expectations": [expectation()]}, "suite_parameters are not supported"),
        (of_type("expect_column_max_to_be_between", column="p95_s"), "neither min_value nor max_value"),
        (
            of_type("expect_column_sum_to_be_between", column="p95_s", min_value=2, max_value=1),
            "2 is above max_value 1",
        ),
        (
            of_type("expect_column_pair_values_to_be_equal", column_A="p95_s", column_B="nope"),
            r"column_B 'nope' does not",
        ),
        (
            of_type("expect_multicolumn_sum_to_equal", column_list=["p95_s", "nope"], sum_total=1),
            r"column 2 'nope' does",
        ),
        (
            of_type("expect_column_values_to_be_in_set", column="p95_s", value_set=[float("nan")]),
            "NaN is not a JSON number",
        ),
        (
            of_type("expect_column_max_to_be_between", column="p95_s", max_value=2, meta={}),
            r"kwargs\.meta says nothing",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, content: object, says: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(BadInputError, match=f"^{path}: .*{says}") as caught:
        read_suites(tmp_path)
    assert "\n" not in str(caught.value)


def test_the_columns_that_exist_are_all_named(tmp_path: Path) -> None:
    write(tmp_path, with_kwargs(column="nope", max_value=1))
    with pytest.raises(BadInputError, match=", ".join(METRICS)):
        read_suites(tmp_path)


def test_a_folder_may_be_empty_but_has_to_exist(tmp_path: Path) -> None:
    assert read_suites(tmp_path) == []
    with pytest.raises(BadInputError, match=f"{tmp_path}/none: no such folder"):
        read_suites(tmp_path / "none")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "dashboard.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(BadInputError, match=r"dashboard\.json: line 1 is not UTF-8"):
        read_suites(tmp_path)
