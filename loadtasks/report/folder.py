"""The report folder of a run: results.json, summary.md and index.html, and the links to the newest reports."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from loadtasks.errors import BadInputError
from loadtasks.report import html, markdown
from loadtasks.results.document import ResultsDocument
from loadtasks.service_name import file_name

LATEST = "latest"
"""The link to the newest report of all."""
SERVICES = "services"
"""The folder of links to the newest report of each service."""
RESULTS, SUMMARY, PAGE = "results.json", "summary.md", "index.html"
_DATA_DOCS = "data_docs"


def write(document: ResultsDocument, reports_dir: Path) -> Path:
    """Write the report of a run.

    `results.json` is written first, so that what was measured is kept whatever befalls the rest. Data Docs that stand
    in the folder are left alone. Every file appears whole or not at all.

    Returns:
        The run's folder, `reports_dir/RUN`.

    Raises:
        BadInputError: the folder can't be written, or the run's id is no name for a folder.
    """
    folder = reports_dir / _checked(document.run.id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        document.write(folder / RESULTS)
        _write(folder / SUMMARY, markdown.render(document))
        _write(folder / PAGE, html.render(document, data_docs=(folder / _DATA_DOCS / PAGE).is_file()))
    except OSError as error:
        raise BadInputError(
            f"{error.filename or folder}: the report can't be written ({error.strerror or error}); make room or make "
            f"{folder} writable, then `python -m loadtasks report {document.run.id}`."
        ) from error
    return folder


def remove(run_id: str, reports_dir: Path) -> None:
    """Remove the report of a run, if there is one.

    Raises:
        BadInputError: it can't be removed.
    """
    folder = reports_dir / _checked(run_id)
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise BadInputError(
            f"{error.filename or folder}: the report can't be removed ({error.strerror or error}); make {reports_dir} "
            "writable and try again."
        ) from error


def link_newest(reports_dir: Path, service: str, newest: Iterable[str], newest_of_service: Iterable[str]) -> None:
    """Point `latest` to the newest report of all, and the service's own link in `services` to its newest.

    Args:
        reports_dir: The folder of reports.
        service: The name of a service.
        newest: The ids of all runs, the newest first; those without a report are passed over.
        newest_of_service: The same of the service's runs.

    Raises:
        BadInputError: a link can't be written, or something else than a link has its name.
    """
    _point(reports_dir / LATEST, reports_dir, newest)
    _point(reports_dir / SERVICES / file_name(service), reports_dir, newest_of_service)


def _checked(run_id: str) -> str:
    if run_id in ("", ".", "..", LATEST, SERVICES) or Path(run_id).name != run_id or "\0" in run_id:
        raise BadInputError(f"run id {run_id!r}: it can't be the name of a report folder; give the run another id.")
    return run_id


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all. Lone surrogates, which no file can hold, become question marks."""
    unfinished = path.with_suffix(".partial")
    unfinished.write_bytes(text.encode("utf-8", "replace"))
    unfinished.replace(path)


def _point(link: Path, reports_dir: Path, run_ids: Iterable[str]) -> None:
    """Make `link` point to the first report that there is, in one step: a reader finds the old one or the new one."""
    if link.exists() and not link.is_symlink():
        raise BadInputError(
            f"{link}: it should be a link to the newest report and is something else; move it away, then "
            f"`python -m loadtasks report`. The reports themselves are in {reports_dir}."
        )
    run_id = next((run_id for run_id in run_ids if (reports_dir / run_id / PAGE).is_file()), None)
    unfinished = link.with_name(f".{link.name}-{os.getpid()}")
    try:
        if run_id is None:
            link.unlink(missing_ok=True)
            return
        link.parent.mkdir(parents=True, exist_ok=True)
        unfinished.unlink(missing_ok=True)
        unfinished.symlink_to(os.path.relpath(reports_dir / run_id, link.parent), target_is_directory=True)
        unfinished.replace(link)
    except OSError as error:
        raise BadInputError(
            f"{link}: can't be pointed to the newest report ({error.strerror}); make {link.parent} writable. "
            f"The reports themselves are in {reports_dir}."
        ) from error
