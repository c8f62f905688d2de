"""What a DAG file says of the project that its DAG exercises: folders, and connections of its own.

It belongs to the DAG and not to the process: one Airflow exercises many services. A task finds it in the DAG that its
worker has read from the DAG file, so that it names folders as they are on that worker, whatever they are called where
the scheduler runs; Airflow's database never holds them.
"""

import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from airflow.sdk import DAG, get_current_context

from loadtasks.airflow import REFERENCE_CONNECTION, TARGET_CONNECTION

_FOLDERS = ("scenarios", "expectations")
"""Settings, and the names of the folders."""


@dataclass(frozen=True)
class DagProject:
    """Where a DAG finds what it sends and where it sends it to."""

    folder: Path
    """The folder that holds `scenarios/` and `expectations/`."""
    is_named: bool = False
    """Whether the DAG file names the folder; otherwise it is the DAG file's own."""
    target: str = TARGET_CONNECTION
    """The id of the Airflow connection to the API under test."""
    reference: str = REFERENCE_CONNECTION
    """The id of the Airflow connection to the approved build."""

    def folders(self, in_environment: Collection[str]) -> dict[str, Path]:
        """The folders of scenarios and of suites, by the names of the settings that they go before.

        Args:
            in_environment: the names of settings that the environment has; these go before the DAG file's own folder.
        """
        return {name: self.folder / name for name in _FOLDERS if self.is_named or name not in in_environment}


class PerformanceDag(DAG):
    """A DAG that knows its project."""

    project: DagProject


def current_project() -> DagProject | None:
    """The project of the DAG whose task runs; None where none runs, and of a DAG without one, as one that maintains."""
    try:
        dag = get_current_context()["dag"]
    except RuntimeError:
        return None
    return dag.project if isinstance(dag, PerformanceDag) else None


def project_in(named: str | Path | None, target: str, reference: str) -> DagProject:
    """The project that a DAG file means.

    Args:
        named: the folder that it names, absolute or relative to the DAG file; None: its own folder.
        target: the connection of the API under test.
        reference: the connection of the approved build.
    """
    folder = _folder_of_dag_file()
    return DagProject(folder / named if named is not None else folder, named is not None, target, reference)


def _folder_of_dag_file() -> Path:
    """The folder of the file that calls into this package."""
    package, frame = __name__.rpartition(".")[0], sys._getframe()
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).startswith(package):
        frame = frame.f_back
    return Path(frame.f_code.co_filename).absolute().parent
