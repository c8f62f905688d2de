"""The cores and variables that people choose for builds."""

import os

import psutil
import pytest

from loadtasks.builds.cores import ANY, SHARED, chosen_cores, kept_off
from loadtasks.builds.variables import chosen_variables
from loadtasks.errors import BadInputError

AVAILABLE = sorted(os.sched_getaffinity(0))


def test_both_builds_share_the_last_core_and_the_load_is_kept_off_it() -> None:
    shared = chosen_cores(SHARED)
    assert shared == (AVAILABLE[-1:] if len(AVAILABLE) > 1 else [])
    assert chosen_cores(ANY) == []
    with kept_off(shared):
        others = [core for core in AVAILABLE if core not in shared]
        assert psutil.Process().cpu_affinity() == (others or AVAILABLE)
    assert psutil.Process().cpu_affinity() == AVAILABLE


def test_cores_are_named_by_numbers() -> None:
    first, last = AVAILABLE[0], AVAILABLE[-1]
    assert chosen_cores(f"{last},{first}") == sorted({first, last})
    if list(range(first, last + 1)) == AVAILABLE:
        assert chosen_cores(f"{first}-{last}") == AVAILABLE


@pytest.mark.parametrize("text", ["", "one", "3-1", "1,", "-1", "99999", "1" * 300])
def test_other_cores_are_refused(text: str) -> None:
    with pytest.raises(BadInputError, match="--cores"):
        chosen_cores(text)


def test_variables_have_a_value_or_take_over_that_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_DATABASE", "here")
    assert chosen_variables(["SHOP_DATABASE", "MODE=a=b", "EMPTY="], "--env") == {
        "SHOP_DATABASE": "here",
        "MODE": "a=b",
        "EMPTY": "",
    }


@pytest.mark.parametrize("text", ["", "=x", "A B=x", "1A=x", "PORT=80", "THERE_IS_NO_SUCH_VARIABLE"])
def test_other_variables_are_refused(text: str) -> None:
    with pytest.raises(BadInputError, match="--candidate-env"):
        chosen_variables([text], "--candidate-env")
