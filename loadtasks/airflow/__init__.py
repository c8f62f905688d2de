"""The pipeline in Airflow: a DAG factory, connections, notifications, and pages in the UI.

This is the only package of loadtasks that imports airflow, and nothing else in loadtasks imports it. A DAG file needs
two lines:

    from loadtasks.airflow import performance_dag

    performance_dag("orders", schedule="0 2 * * *")

`maintenance_dag` and `triage_dag` make the DAGs around it. The names below are those under which the pipeline and
Airflow find each other.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadtasks.airflow.dag_factory import performance_dag
    from loadtasks.airflow.maintenance_factory import maintenance_dag
    from loadtasks.airflow.triage_factory import triage_dag

__all__ = ["maintenance_dag", "performance_dag", "triage_dag"]

DAG_ID = "nightly_performance"
"""The DAG that the project ships, and whose readers may read the reports."""
MAINTENANCE_DAG_ID = "performance_maintenance"
"""The shipped DAG that notices missing runs and cleans up."""
LOAD_GENERATOR_POOL = "load_generator"
"""A pool of one slot: two scenarios driven at once would disturb each other's measurements."""
TARGET_CONNECTION = "performance_target"
"""Connection: the API under test."""
REFERENCE_CONNECTION = "performance_reference"
"""Connection: the approved build that the target is compared with in paired runs."""
RESULTS_CONNECTION = "performance_results"
"""Connection to PostgreSQL, or to SQLite: the results database."""
TARGET_TYPE = "performance_target"
"""The type of connections to targets and references. An HTTP connection will do as well."""
DISTRIBUTION = "nightly-performance"
"""The name under which the wheel is installed."""
SMTP_CONNECTION = "smtp_default"
"""SMTP connection: the mail server that sends alerts."""
NOTIFY_CONNECTION = "performance_notify"
"""Connection whose password holds the addresses of Apprise to which news go, separated by spaces."""
RECIPIENTS_VARIABLE = "performance_recipients"
"""Airflow variable: who gets alerts."""
TRIAGE_DAG_ID = "performance_triage"
"""The DAG whose runs wait for people to decide about regressions, one run a regression."""
PAGES = "/performance"
"""Where the pages are, below Airflow's base path."""
START_REFERENCE_TASK = "start_reference"
"""The set-up task of a DAG that starts its reference; what it returns is the reference's address."""
VERDICT_TASK = "verdict"
"""The last task of a run. Its XCom `return_value` holds run id, verdict and sentence."""
VERDICTS = "performance"
"""The asset alias of every verdict: a DAG that waits for it runs after each run of any service."""

_FACTORIES = {
    "performance_dag": "loadtasks.airflow.dag_factory",
    "maintenance_dag": "loadtasks.airflow.maintenance_factory",
    "triage_dag": "loadtasks.airflow.triage_factory",
}


def __getattr__(name: str) -> Any:
    """What makes DAGs, imported when a DAG file asks for it: the names above are read by processes without Airflow."""
    if name not in _FACTORIES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_FACTORIES[name]), name)
