"""The report folder of a run: results.json, summary.md and index.html, and the link `latest` to the newest."""

import os
from pathlib import Path

from loadtasks.errors import BadInputError
from loadtasks.report import html, markdown
from loadtasks.results.document import ResultsDocument

LATEST = "latest"
RESULTS, SUMMARY, PAGE = "results.json", "summary.md", "index.html"
_DATA_DOCS = "data_docs"


def write(document: ResultsDocument, reports_dir: Path) -> Path:
    """Write the report of a run and point `latest` to it.

    `results.json` is written first, so that what was measured is kept whatever befalls the rest. Data Docs that stand
    in the folder are left alone. Every file appears whole or not at all.

    Returns:
        The run's folder, `reports_dir/RUN`.

    Raises:
        BadInputError: the folder can't be written, `latest` is something else than a link, or the run's id is no name
            for a folder.
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
    _point(reports_dir / LATEST, folder)
    return folder


def _checked(run_id: str) -> str:
    if run_id in ("", ".", "..", LATEST) or Path(run_id).name != run_id or "\0" in run_id:
        raise BadInputError(f"run id {run_id!r}: it can't be the name of a report folder; give the run another id.")
    return run_id


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all. Lone surrogates, which no file can hold, become question marks."""
    unfinished = path.with_suffix(".partial")
    unfinished.write_bytes(text.encode("utf-8", "replace"))
    unfinished.replace(path)


def _point(link: Path, folder: Path) -> None:
    """Make `link` point to a folder next to it, in one step: a reader finds the old one or the new one."""
    if link.exists() and not link.is_symlink():
        raise BadInputError(
            f"{link}: it should be a link to the newest report and is something else; move it away, then "
            f"`python -m loadtasks report {folder.name}`. The report itself is in {folder}."
        )
    unfinished = link.with_name(f".{link.name}-{os.getpid()}")
    try:
        unfinished.unlink(missing_ok=True)
        unfinished.symlink_to(folder.name, target_is_directory=True)
        unfinished.replace(link)
    except OSError as error:
        raise BadInputError(
            f"{link}: can't be pointed to the newest report ({error.strerror}); make {link.parent} writable. "
            f"The report itself is in {folder}."
        ) from error
