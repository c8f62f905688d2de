"""Every type of expectation that Great Expectations knows, with plausible and with absurd arguments.

Reading a suite accepts it, and then it can be judged whatever was measured; or refuses it in one sentence.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loadtasks.errors import BadInputError
from loadtasks.results.findings.codes import FindingCode
from loadtasks.scenarios.files import read_scenarios
from loadtasks.verdict.targets.suite_check import check_suites
from loadtasks.verdict.targets.suites import read_suites
from loadtasks.verdict.targets.validation import judge
from tests.measurements import measurement
from tests.workspaces import SHIPPED_SCENARIOS

pytestmark = pytest.mark.slow

_SCENARIOS = read_scenarios(SHIPPED_SCENARIOS)
_PLAUSIBLE: dict[str, object] = {
    "column": "p95_s",
    "column_A": "p95_s",
    "column_B": "p50_s",
    "column_list": ["p95_s", "p50_s"],
    "column_set": ["p95_s"],
    "min_value": 0,
    "max_value": 2,
    "value": 1,
    "value_set": [1, 2],
    "value_pairs_set": [[1, 2]],
    "sum_total": 1.0,
    "threshold": 1.0,
    "double_sided": True,
    "type_": "float64",
    "type_list": ["float64"],
    "regex": "^a",
    "regex_list": ["^a"],
    "like_pattern": "a%",
    "like_pattern_list": ["a%"],
    "strftime_format": "%Y",
    "json_schema": {"type": "object"},
    "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[0, 2.0]]},
    "partition_object": {"bins": [0, 1, 2], "weights": [0.5, 0.5]},
    "base_query": "select 1",
    "comparison_query": "select 1",
    "comparison_data_source_name": "x",
    "other_table_name": "x",
    "unexpected_rows_query": "select 1",
}
_ABSURD = (None, "x", "(", -1, 1e308, 0, [], {}, "2026-01-01", {"$PARAMETER": "p"}, True, [None], ["("], "max_s")
_PORTIONS = 4
"""Into so many tests the types are divided; they are not named, since collecting tests must not take seconds."""


def _fields(kind: str) -> set[str]:
    from great_expectations.expectations.registry import get_expectation_impl  # noqa: PLC0415 - takes seconds

    return set(get_expectation_impl(kind).__fields__)


def _variations(kind: str) -> Iterator[dict[str, object]]:
    """Plausible arguments, and the same with one that is absurd."""
    plausible = {name: value for name, value in _PLAUSIBLE.items() if name in _fields(kind)}
    yield plausible
    chosen = random.Random(kind)
    for name in chosen.sample(sorted(plausible), k=min(1, len(plausible))):
        yield plausible | {name: chosen.choice(_ABSURD)}


def _judge(folder: Path, raw: dict[str, Any]) -> None:
    """Read a suite with one expectation, and judge measurements by it where it is accepted."""
    (folder / "sessions.json").write_text(json.dumps({"expectations": [raw]}))
    try:
        suites = read_suites(folder)
        check_suites(suites, _SCENARIOS)
    except BadInputError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert "\n" not in refusal
        assert refusal.startswith(f"{folder / 'sessions.json'}: ")
        return
    unmeasured = measurement("sessions.filtered", times_s=[], failed=30, connect_mean_s=None)
    for rows in ([measurement("sessions.filtered", failed=1)], [unmeasured, measurement("sessions.concurrent")]):
        judged = judge(rows, suites)
        codes = {finding.code for findings in judged.findings.values() for finding in findings}
        assert FindingCode.TARGET_NOT_EVALUATED not in codes, raw


@pytest.mark.parametrize("portion", range(_PORTIONS))
def test_a_type_is_refused_in_one_sentence_or_can_be_judged(tmp_path: Path, portion: int) -> None:
    import great_expectations  # noqa: F401, PLC0415 - registers the types
    from great_expectations.expectations.registry import list_registered_expectation_implementations  # noqa: PLC0415

    for kind in sorted(list_registered_expectation_implementations())[portion::_PORTIONS]:
        for kwargs in _variations(kind):
            _judge(tmp_path, {"type": kind, "kwargs": kwargs})
