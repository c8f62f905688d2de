"""The folders and the results database that all steps of a run share."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sqlalchemy import URL

from loadtasks.errors import BadInputError
from loadtasks.settings import Settings


@dataclass(frozen=True)
class Workspace:
    """Where a run finds its input and writes its output."""

    var: Path
    """Everything that a run writes: results database, reports, outbox."""
    results_url: str = field(repr=False)
    """SQLAlchemy URL of the results database."""
    scenarios: Path
    """Folder of scenario files."""
    expectations: Path
    """Folder of expectation suites."""
    reports_url: str | None = None
    """Address under which `reports` is served; None where it is not."""
    pages_url: str | None = None
    """Address of the pages in Airflow, which serve `reports` too; None where there are none."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The workspace that the settings name; without a results URL it is `results.db` in `var`."""
        return cls(
            var=settings.var,
            results_url=settings.results_url or _sqlite_url(settings.var.absolute() / "results.db"),
            scenarios=settings.scenarios,
            expectations=settings.expectations,
            reports_url=settings.reports_url,
            pages_url=settings.pages_url,
        )

    @property
    def reports(self) -> Path:
        """The folder of reports: one folder a run, and the link `latest`."""
        return self.var / "reports"

    def report_address(self, run_id: str) -> str:
        """The address of a run's report: below `reports_url`, else below the pages, else the path of its page."""
        served = self.reports_url or (f"{self.pages_url.rstrip('/')}/files" if self.pages_url is not None else None)
        if served is None:
            return str(self.reports / run_id / "index.html")
        return f"{served.rstrip('/')}/{run_id}/index.html"

    @property
    def outbox(self) -> Path:
        """The folder of e-mails as .eml files, used where no SMTP server is configured."""
        return self.var / "outbox"

    @property
    def checked_suites(self) -> Path:
        """The file that says which suites were tried and found to be right."""
        return self.var / "checked_suites"

    def check_writable(self) -> None:
        """Check that results can be kept, before anything is measured.

        Raises:
            BadInputError: `var` can't be created or written.
        """
        try:
            self.var.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.var) as probe:  # without a name, so that a kill leaves nothing
                probe.write(b"")
        except OSError as error:
            raise BadInputError(
                f"{self.var}: can't be written ({error.strerror}), so no result could be kept; make it writable, or "
                "name another folder with --out or LOADTASKS_VAR."
            ) from error


def _sqlite_url(path: Path) -> str:
    """The URL of an SQLite file, in which a name may have characters that mean something in URLs."""
    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)
