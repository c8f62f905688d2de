"""Where the links of a message lead: the pages in Airflow, the report, the DAG run."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, urlsplit

from loadtasks.results.run import Run
from loadtasks.workspace import Workspace

_BELOW_AIRFLOW = "/performance"
"""Where the pages are below Airflow's base path, unless somebody has put them elsewhere."""


@dataclass(frozen=True)
class MailLinks:
    """The addresses that a message about a run, or about none, links to; each may be missing."""

    pages: str | None = None
    """The pages, without the last slash."""
    run: str | None = None
    """The page of the run."""
    report: str | None = None
    """The report: a URL, or the path of a file."""
    dag_run: str | None = None
    """The DAG run in Airflow."""

    @classmethod
    def of_pages(cls, workspace: Workspace) -> Self:
        """Those of a message about a run that is not stored."""
        pages = workspace.pages_url.rstrip("/") if workspace.pages_url is not None else None
        return cls(pages=pages if pages and _is_web(pages) else None)

    @classmethod
    def of_run(cls, workspace: Workspace, run: Run) -> Self:
        """Those of a message about a stored run."""
        pages = cls.of_pages(workspace).pages
        dag_run = None
        if pages is not None and pages.endswith(_BELOW_AIRFLOW) and run.dag_id and run.dag_run_id:
            airflow = pages.removesuffix(_BELOW_AIRFLOW)
            dag_run = f"{airflow}/dags/{quote(run.dag_id, safe='')}/runs/{quote(run.dag_run_id, safe='')}"
        return cls(
            pages=pages,
            run=f"{pages}/runs/{quote(run.id, safe='')}" if pages is not None else None,
            report=workspace.report_address(run.id),
            dag_run=dag_run,
        )

    @property
    def report_link(self) -> str | None:
        """The report where it is a page of the web; None where it is a file."""
        return self.report if self.report is not None and _is_web(self.report) else None

    def regression(self, number: int | None) -> str | None:
        """The page of a regression, on which people decide about it."""
        return f"{self.pages}/regressions/{number}" if self.pages is not None and number is not None else None


NO_LINKS = MailLinks()
"""Those of a message that leads nowhere."""


def _is_web(address: str) -> bool:
    return urlsplit(address).scheme in ("http", "https")
