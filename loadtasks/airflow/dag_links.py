"""Links from a task in Airflow's UI to the run's pages: the buttons `Performance page` and `Report`."""

from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from airflow.sdk import BaseOperatorLink

from loadtasks.airflow.names import pages_path, run_id_of
from loadtasks.airflow.pipeline_task import PipelineOperator


class _PipelineLink(BaseOperatorLink):
    """A link of the pipeline's tasks. Airflow's API server makes it, at any time of a run."""

    operators: ClassVar[list[Any]] = [PipelineOperator]


class PerformancePageLink(_PipelineLink):
    """Leads to the run's page, also while it runs."""

    name = "Performance page"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The path of the run's page."""
        query = urlencode({"dag_id": ti_key.dag_id, "dag_run_id": ti_key.run_id})
        return f"{pages_path()}/of?{query}"


class ReportLink(_PipelineLink):
    """Leads to the run's report, which the task `report` writes."""

    name = "Report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The path of the report's page."""
        return f"{pages_path()}/files/{quote(run_id_of(ti_key.dag_id, ti_key.run_id))}/index.html"
