"""The Airflow plugin of the DAGs: links on tasks, and notes of runs."""

from airflow.plugins_manager import AirflowPlugin

from loadtasks.airflow import run_notes
from loadtasks.airflow.dag_links import PerformancePageLink, ReportLink


class PerformanceDags(AirflowPlugin):
    """Links on the pipeline's tasks, and the verdict's sentence as the note of each run."""

    name = "performance_dags"
    operator_extra_links = [PerformancePageLink(), ReportLink()]  # noqa: RUF012 - Airflow declares it as a list
    listeners = [run_notes]  # noqa: RUF012
