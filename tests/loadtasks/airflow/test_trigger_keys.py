"""Trigger keys that nothing reads, and values that Airflow was set up to ignore."""

import math
from typing import Any

import pytest

from loadtasks.airflow.trigger_keys import check_trigger
from loadtasks.errors import BadInputError

PARAMS: dict[str, Any] = {"scenarios": [], "target": None, "load_factor": 1.0, "processes": None}


def check(conf: dict[str, Any] | None) -> None:
    check_trigger(conf, PARAMS, PARAMS | (conf or {}))


@pytest.mark.parametrize(
    ("conf", "named"),
    [
        ({"targt": "http://other"}, "'targt' (target?)"),
        ({"scenario": ["a"]}, "'scenario' (scenarios?)"),
        ({"Load-Factor": 2}, "'Load-Factor' (load_factor?)"),
        ({"conf": {"scenarios": ["a"]}}, "'conf'; "),
        (
            {"load_factor": 2, "procesess": 2, "x": 1},
            "keys that this DAG doesn't know: 'procesess' (processes?), 'x'; ",
        ),
        ({"": 1}, "''; "),
    ],
)
def test_an_unknown_key_is_refused_with_the_closest_and_all_known_ones(conf: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInputError) as caught:
        check(conf)
    sentence = str(caught.value)
    assert named in sentence
    assert "load_factor, processes, scenarios, target" in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "conf",
    [
        None,
        {},
        {"scenarios": ["a"], "load_factor": 2},
        {"openlineage": {"parentRunId": "1"}},
        {"load_factor": math.nan},
    ],
)
def test_known_keys_and_those_of_airflow_pass(conf: dict[str, Any] | None) -> None:
    check(conf)


def test_values_that_airflow_ignores_are_refused() -> None:
    check_trigger({"target": None, "scenarios": []}, PARAMS, PARAMS)
    with pytest.raises(BadInputError, match=r"load_factor, target would be ignored.*dag_run_conf_overrides_params"):
        check_trigger({"target": "http://other", "load_factor": 2, "scenarios": []}, PARAMS, PARAMS)
