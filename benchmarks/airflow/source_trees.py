"""The project as it was at a commit, and as it is in the working tree, each with the packages that it locks."""

import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from scripts import PROJECT
from scripts.approved_build import LOCK, interpreter_for

_PARSE = """
import os, time
import airflow.sdk
from airflow.dag_processing.dagbag import BundleDagBag
began_s = time.process_time()
folder = os.environ["AIRFLOW__CORE__DAGS_FOLDER"]
bag = BundleDagBag(dag_folder=folder + "/nightly_performance.py", bundle_path=folder, bundle_name="dags-folder")
assert bag.dags, bag.import_errors
print(time.process_time() - began_s)
"""


@dataclass(frozen=True)
class SourceTree:
    """A version of the project that can be run."""

    name: str
    folder: Path
    python: str
    """The interpreter that has its packages."""
    var: Path
    """Where its runs write."""

    @classmethod
    def working(cls, var: Path) -> Self:
        """The working tree."""
        return cls("after", PROJECT, interpreter_for(PROJECT / LOCK, var), var / "after")

    @classmethod
    def of_commit(cls, revision: str, var: Path) -> Self:
        """The project at a commit, taken from git."""
        commit = _git("rev-parse", "--verify", f"{revision}^{{commit}}").decode().strip()
        folder = var / f"source-{commit[:12]}"
        if not folder.is_dir():
            with tarfile.open(fileobj=io.BytesIO(_git("archive", commit))) as archive:
                archive.extractall(folder, filter="data")
        return cls("before", folder, interpreter_for(folder / LOCK, var), var / "before")

    def command(self, *arguments: str) -> list[str]:
        """A command line that runs Python with the settings of its own scripts/airflow.env."""
        return ["bash", "-c", 'source scripts/airflow.env && exec "$@"', "bash", self.python, *arguments]

    def parse_s(self, environment: dict[str, str]) -> float:
        """CPU time of reading the DAG file of a run, in seconds, on top of importing Airflow."""
        done = subprocess.run(
            self.command("-c", _PARSE), cwd=self.folder, env=environment, capture_output=True, text=True, check=True
        )
        return float(done.stdout.splitlines()[-1])


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(PROJECT), *arguments], capture_output=True, check=True).stdout
