"""Suites tried on made-up rows: what is refused before a load, and that what is accepted can be judged."""

import json
from pathlib import Path
from typing import Any

import pytest

from loadtasks.errors import BadInputError
from loadtasks.results.findings.codes import FindingCode
from loadtasks.scenarios.files import read_scenarios
from loadtasks.scenarios.model import Scenario
from loadtasks.verdict.targets import suite_check
from loadtasks.verdict.targets.suite_check import check_suites
from loadtasks.verdict.targets.suites import read_suites
from loadtasks.verdict.targets.validation import judge
from tests.measurements import measurement
from tests.workspaces import SHIPPED_EXPECTATIONS, SHIPPED_SCENARIOS

BETWEEN = "expect_column_values_to_be_between"
_FILES = {
    "things": """
endpoint: things
request: {path: /things}
scenarios:
  closed: {load: {workers: 1, requests: 10}}
  open: {load: {rate: 10, duration_s: 1}}
""",
    "both": """
endpoint: both
scenarios:
  at_once: {parts: {read: {scenario: things.closed}, again: {scenario: things.closed}}}
""",
}


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scenario]:
    folder = tmp_path_factory.mktemp("scenarios")
    for name, content in _FILES.items():
        (folder / f"{name}.yaml").write_text(content)
    return read_scenarios(folder)


def write(folder: Path, *expectations: dict[str, Any], name: str = "things") -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"expectations": expectations}))
    return path


def target(row_condition: object = None, **kwargs: Any) -> dict[str, Any]:
    condition = {} if row_condition is None else {"row_condition": row_condition}
    return {"type": BETWEEN, "kwargs": {"column": "p95_s", "max_value": 2.0} | condition | kwargs}


def of_type(kind: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs}


def test_the_shipped_suites_fit_the_shipped_scenarios() -> None:
    check_suites(read_suites(SHIPPED_EXPECTATIONS), read_scenarios(SHIPPED_SCENARIOS))


@pytest.mark.parametrize(
    ("expectation", "says"),
    [
        (of_type("expect_column_values_between", column="p95_s"), "expect_column_values_between not found"),
        (of_type("expect_column_max_to_be_between", column="p95_s", max_value=2.0, max_valu=2.0), "max_valu"),
        (
            of_type(
                "expect_column_quantile_values_to_be_between",
                column="p95_s",
                quantile_ranges={"quantiles": [0.5], "value_ranges": [[0, 2.0]]},
            ),
            "can't evaluate it",
        ),
        (of_type("expect_column_values_to_match_regex", column="p95_s", regex="("), "it judges text"),
        (of_type("expect_column_values_to_match_like_pattern", column="p95_s", like_pattern="a%"), "it judges text"),
        (of_type("expect_table_row_count_to_equal_other_table", other_table_name="x"), "multiple named tables"),
        (of_type("unexpected_rows_expectation", unexpected_rows_query="select 1"), "No provider"),
        (
            of_type("expect_column_value_z_scores_to_be_less_than", column="p95_s", threshold="x", double_sided=True),
            "float",
        ),
        (of_type("expect_column_values_to_be_in_set", column="p95_s"), "value_set"),
        (
            of_type("expect_column_stdev_to_be_between", column="p95_s", max_value={"$PARAMETER": "x"}),
            "must be a number",
        ),
        (target("p95_s >"), "row_condition|invalid syntax|can't evaluate"),
        (target("nope == 1"), "nope"),
        (target(""), "empty string"),
        (target("scenario"), "neither true nor false"),
        (target("1"), "neither true nor false"),
        (target(5), "neither true nor false"),
        (target('scenario == "things.opne"'), r"names scenario 'things\.opne', which doesn't exist; .*things\.open"),
        (target('scenario in ["things.open", "things.opne"]'), "names scenario 'things.opne'"),
        (target('scenario != "things.opne"'), "names scenario 'things.opne'"),
        (target('endpoint == "thing"'), "names endpoint 'thing', which doesn't exist; name one of things, both"),
        (target('part == "reed"'), "names part 'reed', which doesn't exist; name one of .*, read, again"),
        (target('col("scenario") == "things.opne"', condition_parser="great_expectations"), "names scenario"),
        (
            target(
                {"type": "comparison", "column": {"name": "scenario"}, "operator": "==", "parameter": "things.opne"}
            ),
            "names scenario",
        ),
        (target('scenario == "things.opne" and p95_s > 100'), "names scenario"),
        (
            target('scenario == "both.at_once" and part == ""'),
            "by none of .*they are things.closed, things.open",
        ),
        (target('scenario.str.startswith("thongs")'), "fulfilled by none"),
        (target('scenario == "things.open" and part == "read" and p95_s > 1'), "fulfilled by none"),
    ],
)
def test_what_could_not_be_judged_is_refused_by_file_in_one_sentence(
    tmp_path: Path, scenarios: dict[str, Scenario], expectation: dict[str, Any], says: str
) -> None:
    path = write(tmp_path, target(), expectation)
    with pytest.raises(BadInputError, match=says) as caught:
        check_suites(read_suites(tmp_path), scenarios)
    assert str(caught.value).startswith(f"{path}: expectation 2 ({expectation['type']})")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "function",
    ["tempfile.TemporaryDirectory", "great_expectations.data_context.store.TupleFilesystemStoreBackend._set"],
)
def test_a_temporary_folder_that_is_missing_or_full_is_no_fault_of_a_suite(
    tmp_path: Path, scenarios: dict[str, Scenario], monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    write(tmp_path, of_type("expect_table_row_count_to_be_between", min_value=1))
    suites = read_suites(tmp_path)
    monkeypatch.setattr(function, full)
    check_suites(suites, scenarios)


@pytest.mark.slow
@pytest.mark.parametrize(
    "expectation",
    [
        target('scenario == "things.open"'),
        target('part == "read" or part == "again"'),
        target('scenario != "things.open" & completed > 5'),
        target("p95_s > 1000000"),
        target("connect_mean_s == connect_mean_s"),
        target('row == "both.at_once (read)"'),
        target('col("p95_s").notnull()', condition_parser="great_expectations"),
        target(mostly=0.5),
        of_type("expect_column_median_to_be_between", column="p95_s", max_value=2.0),
        of_type("expect_column_pair_values_a_to_be_greater_than_b", column_A="p95_s", column_B="p50_s", or_equal=True),
        of_type("expect_multicolumn_sum_to_equal", column_list=["failed", "dropped"], sum_total=0),
        of_type("expect_column_values_to_be_in_set", column="failed", value_set=[0, 1]),
        of_type("expect_column_values_to_not_be_null", column="p99_9_s"),
        of_type("expect_table_row_count_to_be_between", min_value=1),
    ],
)
def test_what_is_accepted_can_be_judged_whatever_was_measured(
    tmp_path: Path, scenarios: dict[str, Scenario], expectation: dict[str, Any]
) -> None:
    write(tmp_path, expectation)
    suites = read_suites(tmp_path)
    check_suites(suites, scenarios)
    one, other = "things.closed", "things.open"
    nothing = {"times_s": [], "failed": 5, "connect_mean_s": None}
    for rows in (
        [measurement(one), measurement(other, times_s=[9.0] * 400)],
        [measurement(one)],
        [measurement(one, **nothing)],
        [measurement("both.at_once"), measurement("both.at_once", part="read", endpoint="things", **nothing)],
    ):
        found = [finding for findings in judge(rows, suites).findings.values() for finding in findings]
        assert FindingCode.TARGET_NOT_EVALUATED not in {finding.code for finding in found}


@pytest.mark.parametrize(
    ("name", "advice"),
    [("thing", "rename it to things.json"), ("every_measurment", "rename it to every_measurement.json")],
)
def test_a_suite_that_looks_misspelt_is_refused(
    tmp_path: Path, scenarios: dict[str, Scenario], name: str, advice: str
) -> None:
    path = write(tmp_path, target(), name=name)
    with pytest.raises(BadInputError, match="no scenario has an endpoint") as caught:
        check_suites(read_suites(tmp_path), scenarios)
    for part in (f"{path}: ", "things, both", advice):
        assert part in str(caught.value)


def test_suites_of_other_scenarios_are_named_and_left_out(
    tmp_path: Path, scenarios: dict[str, Scenario], caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, target())
    paths = [write(tmp_path, target(), name=name) for name in ("thing", "x", "y")]  # things has its suite
    check_suites(read_suites(tmp_path), scenarios)
    said = [record.message for record in caplog.records if record.name == suite_check.__name__]
    assert [message.split(": ")[0] for message in said] == [str(path) for path in paths]
    assert all("judges nothing" in message for message in said)


def test_the_scenarios_of_a_run_that_is_judged_again_count_though_their_files_are_gone(
    tmp_path: Path, scenarios: dict[str, Scenario], caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, target('scenario == "gone.x"'), name="gone")
    suites = read_suites(tmp_path)
    check_suites(suites, scenarios, [measurement("gone.x")])
    assert "judges nothing" not in caplog.text
    check_suites(suites, scenarios)
    assert "gone.json: no scenario has an endpoint 'gone', so this suite judges nothing" in caplog.text


def test_the_check_prints_nothing(
    tmp_path: Path, scenarios: dict[str, Scenario], capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, of_type("unexpected_rows_expectation", unexpected_rows_query="select 1"))
    with pytest.raises(BadInputError):
        check_suites(read_suites(tmp_path), scenarios)
    assert capfd.readouterr() == ("", "")
