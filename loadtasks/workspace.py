"""Where a run finds its input and leaves its output."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from loadtasks.errors import BadInputError


@dataclass(frozen=True)
class Workspace:
    """The folders and the results database that every step of a run shares."""

    var: Path
    """Everything that a run writes: results database, reports, outbox."""
    results_url: str
    """SQLAlchemy URL of the results database."""
    scenarios: Path
    expectations: Path

    @classmethod
    def from_environ(cls) -> Self:
        """The workspace of LOADTASKS_VAR, LOADTASKS_RESULTS_URL, LOADTASKS_SCENARIOS and LOADTASKS_EXPECTATIONS.

        Defaults: var/, scenarios/ and expectations/ of the current folder, results.db in var/.
        """
        var = Path(os.environ.get("LOADTASKS_VAR") or "var")
        return cls(
            var=var,
            results_url=os.environ.get("LOADTASKS_RESULTS_URL") or _results_url(var),
            scenarios=Path(os.environ.get("LOADTASKS_SCENARIOS") or "scenarios"),
            expectations=Path(os.environ.get("LOADTASKS_EXPECTATIONS") or "expectations"),
        )

    def moved(self, var: Path) -> Self:
        """The same input, with everything written under `var`."""
        return replace(self, var=var, results_url=_results_url(var))

    def reading(self, scenarios: Path | None, expectations: Path | None) -> Self:
        """The same output, with its input from other folders where they are given."""
        return replace(self, scenarios=scenarios or self.scenarios, expectations=expectations or self.expectations)

    @property
    def reports(self) -> Path:
        """One folder a run, and `latest`."""
        return self.var / "reports"

    def report_address(self, run_id: str) -> str:
        """Where people find a run's report: below LOADTASKS_REPORTS_URL where it is set, else its path."""
        base = os.environ.get("LOADTASKS_REPORTS_URL")
        return f"{base.rstrip('/')}/{run_id}/index.html" if base else str(self.reports / run_id / "index.html")

    @property
    def outbox(self) -> Path:
        """E-mails as .eml files, where no SMTP server is configured."""
        return self.var / "outbox"

    def check_writable(self) -> None:
        """See that results can be kept before anything is measured.

        Raises:
            BadInputError: `var` can't be made or written.
        """
        probe = self.var / f".writable-{os.getpid()}"
        try:
            self.var.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise BadInputError(
                f"{self.var}: can't be written ({error.strerror}), so nothing that is measured could be kept; "
                "make it writable, or name another folder with --out or LOADTASKS_VAR."
            ) from error


def _results_url(var: Path) -> str:
    return f"sqlite:///{var.absolute() / 'results.db'}"
