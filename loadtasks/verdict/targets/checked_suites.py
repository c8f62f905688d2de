"""Which suites were found to be right, so that an unchanged one is not tried again before each run.

Trying suites takes seconds: it imports Great Expectations, which the first task of a run otherwise doesn't need.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from loadtasks import __version__
from loadtasks.verdict.targets.evaluation import SuiteRows
from loadtasks.whole_file import write_whole

_MAX_KEPT = 100
"""Of several services that share a folder; the oldest go first."""
_PACKAGES = ("great-expectations", "pandas", "numpy", "scipy")
"""What may judge otherwise in another version."""


class CheckedSuites:
    """A file of digests: of suites, of the rows that they were tried on, and of what tried them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def has(self, work: Sequence[SuiteRows]) -> bool:
        """Whether exactly this was found to be right before."""
        return _digest(work) in self._digests()

    def add(self, work: Sequence[SuiteRows]) -> None:
        """Keep that this was found to be right; where that can't be written, it is tried again next time."""
        digests = dict.fromkeys([*self._digests(), _digest(work)])
        with suppress(OSError):
            write_whole(self._path, "".join(f"{digest}\n" for digest in list(digests)[-_MAX_KEPT:]).encode())

    def _digests(self) -> list[str]:
        try:
            return self._path.read_text(encoding="ascii").split()
        except (OSError, ValueError):
            return []


def _digest(work: Sequence[SuiteRows]) -> str:
    versions = [__version__, *(version(package) for package in _PACKAGES)]
    return hashlib.sha256(repr((versions, list(work))).encode()).hexdigest()
