"""Changed files of each kind, a few of those that `python -m tests.fuzz` tries: every outcome is a documented one."""

import pytest

from tests.fuzz.kinds import kinds
from tests.fuzz.trials import trials

pytestmark = pytest.mark.slow

_NUMBER = 100


@pytest.mark.parametrize("name", sorted(kinds()))
def test_whatever_a_file_holds_has_a_documented_outcome(name: str) -> None:
    wrong = [trial for trial in trials(kinds()[name], seed=2026, numbers=range(_NUMBER)) if not trial.is_documented]
    assert wrong == []
