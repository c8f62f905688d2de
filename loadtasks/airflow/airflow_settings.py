"""The settings of every process of Airflow: tasks, the pages in the API server, and callbacks ask here.

They are those of the environment (`loadtasks.settings`), with three differences: results are in the database of the
connection `performance_results`, where there is one; without LOADTASKS_VAR everything else that a run writes is below
`$AIRFLOW_HOME/performance`; and without LOADTASKS_SCENARIOS, scenarios are where the DAG file is.
"""

import os
import re
from pathlib import Path
from typing import Any

from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied

from loadtasks.airflow import RESULTS_CONNECTION
from loadtasks.airflow.connections import find_connection
from loadtasks.airflow.dag_project import DagProject
from loadtasks.airflow.results_connection import results_url
from loadtasks.errors import BadInputError
from loadtasks.settings import Settings, read_settings

_LOCAL = ("LocalExecutor", "WarmLocalExecutor")
"""Executors whose tasks run on the scheduler's machine; the second one is ours."""


def airflow_settings(project: DagProject | None = None, **given: Any) -> Settings:
    """The settings as they hold in Airflow.

    Args:
        project: that of the DAG; None where no scenario is read.
        given: settings by name that go before all others, as for `read_settings`.

    Raises:
        BadInputError: a value that makes no sense, a connection `performance_results` that names no database for
            results, or no place for results that all processes of Airflow share.
        AirflowSecretsBackendAccessDenied: in a callback, where the environment doesn't say where results are.
    """
    environment = read_settings()
    is_set = environment.model_fields_set
    if project is not None:
        given |= project.folders(is_set)
    try:
        connection = find_connection(RESULTS_CONNECTION)
    except AirflowSecretsBackendAccessDenied:  # in a callback of a deadline
        if not names_results(environment):
            raise
        connection = None
    url = results_url(connection) if connection is not None else environment.results_url
    if url is not None:
        given["results_url"] = url
    elif "var" not in is_set:
        _check_shared()
    if "var" not in is_set:
        given["var"] = default_folder()
    return read_settings(**given)


def names_results(environment: Settings) -> bool:
    """Whether the environment says where results are kept, for processes that may not read connections."""
    return not {"var", "results_url"}.isdisjoint(environment.model_fields_set)


def default_folder() -> Path:
    """Where everything is written that no database keeps, unless LOADTASKS_VAR names another folder."""
    return Path(os.path.expandvars(os.environ.get("AIRFLOW_HOME") or "~/airflow")).expanduser() / "performance"


def _check_shared() -> None:
    """Check that a file in the default folder is the same for all processes.

    Raises:
        BadInputError: tasks may run on other machines.
    """
    if remote := remote_executors():
        raise BadInputError(
            f"with {' and '.join(remote)} results can't be kept in {default_folder()}, since each worker has a disk of "
            f"its own and the pages would find nothing: make the Airflow connection {RESULTS_CONNECTION} to a "
            "PostgreSQL database, or set LOADTASKS_RESULTS_URL to its URL for all processes of Airflow; where workers "
            "and API server share a disk, LOADTASKS_VAR may name a folder on it."
        )


def remote_executors() -> list[str]:
    """The configured executors that may run tasks on other machines, such as `CeleryExecutor`.

    `[core] executor` may list several, as names or paths of classes, with an alias before a colon, and those of teams
    (`team=CeleryExecutor;...`; airflow/executors/executor_loader.py).
    """
    listed = conf.get("core", "executor", fallback=_LOCAL[0]).replace(";", ",").split(",")
    names = [re.split("[=:.]", entry.strip())[-1] for entry in listed]
    return [name for name in names if name and name not in _LOCAL]
