"""A module that is imported lazily takes nothing until it is used."""

import subprocess
import sys

import pytest

from loadtasks.verdict.targets.lazy_import import import_lazily

LOADED = """
import sys
from loadtasks.verdict.targets.lazy_import import import_lazily
import_lazily("scipy.stats")
import great_expectations
from scipy import stats
assert "scipy.stats._stats_py" not in sys.modules, "Great Expectations has loaded it"
assert abs(stats.norm.cdf(0.0) - 0.5) < 1e-9
assert "scipy.stats._stats_py" in sys.modules
import_lazily("scipy.stats")
assert stats is sys.modules["scipy.stats"]
"""


def test_great_expectations_does_without_it_and_who_uses_it_gets_it() -> None:
    ended = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_what_is_not_installed_is_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        import_lazily("no_such_module")
