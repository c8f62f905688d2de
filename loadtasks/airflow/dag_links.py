"""Links from a task in Airflow's UI to the run's pages: the buttons `Performance page` and `Report`."""

from typing import Any, ClassVar
from urllib.parse import quote, urlencode, urlsplit

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

from loadtasks.airflow import PAGES
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
        return f"{_pages()}/of?{query}"


class ReportLink(_PipelineLink):
    """Leads to the run's report, which the task `report` writes."""

    name = "Report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The path of the report's page."""
        from loadtasks.airflow.dag_runs import run_id_of  # noqa: PLC0415 - Airflow's processes all import plugins

        return f"{_pages()}/files/{quote(run_id_of(ti_key.dag_id, ti_key.run_id))}/index.html"


def _pages() -> str:
    """Where the pages are: a path, since an API server may have several addresses."""
    return f"{urlsplit(conf.get('api', 'base_url', fallback='/')).path.rstrip('/')}{PAGES}"
