"""The Airflow plugin of the DAGs: links on tasks, notes of runs, and pools."""

from airflow.plugins_manager import AirflowPlugin

from loadtasks.airflow import missing_pools, run_notes
from loadtasks.airflow.dag_links import PerformancePageLink, ReportLink


class PerformanceDags(AirflowPlugin):
    """Links on the pipeline's tasks, the verdict's sentence as the note of each run, and pools that are missing."""

    name = "performance_dags"
    operator_extra_links = [PerformancePageLink(), ReportLink()]  # noqa: RUF012 - Airflow declares it as a list
    listeners = [run_notes, missing_pools]  # noqa: RUF012
