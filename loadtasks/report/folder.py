"""The report folder of a run: results.json, summary.md and index.html, and the links to the newest reports."""

import filecmp
import os
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from glob import escape
from pathlib import Path

from loadtasks.errors import BadInputError
from loadtasks.report import html, markdown
from loadtasks.results.document import ResultsDocument
from loadtasks.service_name import file_name
from loadtasks.whole_file import write_whole

LATEST = "latest"
"""The link to the newest report of all."""
SERVICES = "services"
"""The folder of links to the newest report of each service."""
RESULTS, SUMMARY, PAGE = "results.json", "summary.md", "index.html"
FILES: dict[str, Callable[[ResultsDocument], bytes]] = {
    RESULTS: lambda document: document.json_bytes(),
    SUMMARY: lambda document: _encoded(markdown.render(document)),
    PAGE: lambda document: _encoded(html.render(document, data_docs=False)),
}
"""What makes each file of a report; the page without a link to Data Docs."""
_DATA_DOCS = "data_docs"
_MAX_LINKING_S = 60.0
"""How long a link that is being made may be there before its process is taken for dead."""


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
    """Remove the report of a run, or what stands in its place. Of a link to a folder elsewhere only the link goes.

    Raises:
        BadInputError: it can't be removed.
    """
    folder = reports_dir / _checked(run_id)
    try:
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder, onerror=_unless_gone)
        else:  # not for rmtree, which opens it: it would wait for whoever writes to a FIFO
            folder.unlink(missing_ok=True)
    except OSError as error:
        path = error.filename or folder
        raise BadInputError(
            f"{path}: the report can't be removed ({error.strerror or error}); make {Path(path).parent} writable and "
            "try again."
        ) from error


def data_docs(run_id: str, reports_dir: Path) -> Path:
    """The folder of a run's Data Docs, whether there are any."""
    return reports_dir / run_id / _DATA_DOCS


def remove_data_docs(run_id: str, reports_dir: Path) -> None:
    """Remove the Data Docs of a run, as far as that can be done. Of a link to a folder elsewhere only the link goes."""
    docs = data_docs(run_id, reports_dir)
    with suppress(OSError):
        if docs.is_symlink():
            docs.unlink()
        elif docs.is_dir():
            shutil.rmtree(docs)


def run_ids(reports_dir: Path) -> list[str]:
    """The names of the folders of reports that there are, in order: the ids of their runs.

    Raises:
        BadInputError: `reports_dir` can't be read.
    """
    try:
        with os.scandir(reports_dir) as entries:
            return sorted(
                entry.name
                for entry in entries
                if entry.name not in (LATEST, SERVICES) and not entry.name.startswith(".") and entry.is_dir()
            )
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BadInputError(f"{reports_dir}: can't be read ({error.strerror}); make it readable.") from error


def size_bytes(run_id: str, reports_dir: Path) -> int:
    """How many bytes the files of a run's report have; 0 where there is none, or where it can't be read."""
    size = 0
    for folder, _, names in os.walk(reports_dir / _checked(run_id)):
        for name in names:
            with suppress(OSError):  # gone meanwhile
                size += os.lstat(os.path.join(folder, name)).st_size
    return size


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


def share_data_docs(reports_dir: Path) -> int:
    """Keep once what the Data Docs of all runs have in common: their style and scripts, 4 MB a run.

    Equal files become hard links to one: to a reader nothing changes, and a run's report can be removed as before.
    Great Expectations builds the Data Docs of a run that is judged again in an empty folder, so that no other run's
    change with them.

    Returns:
        The bytes that were freed; 0 where the file system knows no hard links.

    Raises:
        BadInputError: `reports_dir` can't be read.
    """
    kept: dict[tuple[str, int], Path] = {}
    freed = 0
    for run_id in run_ids(reports_dir):
        static = reports_dir / run_id / _DATA_DOCS / "static"
        for path in sorted(static.rglob("*")):
            try:
                if path.is_symlink() or not path.is_file():
                    continue
                first = kept.setdefault((str(path.relative_to(static)), path.stat().st_size), path)
                if first != path and not first.samefile(path) and filecmp.cmp(first, path, shallow=False):
                    freed += _link(first, path)
            except OSError:  # a run that is pruned or written at this moment, or no hard links here
                continue
    return freed


def _link(first: Path, path: Path) -> int:
    """Put a hard link to the first file in place of an equal one, in one step. Returns the bytes that it took."""
    size = path.stat().st_size
    unfinished = path.with_name(f"{path.name}.partial")
    unfinished.unlink(missing_ok=True)
    os.link(first, unfinished)
    unfinished.replace(path)
    return size


def is_name(run_id: str) -> bool:
    """Whether a run's id can be the name of its folder; of a run of another id there can be no report."""
    return run_id not in ("", ".", "..", LATEST, SERVICES) and Path(run_id).name == run_id and "\0" not in run_id


def _checked(run_id: str) -> str:
    if not is_name(run_id):
        raise BadInputError(f"run id {run_id!r}: it can't be the name of a report folder; give the run another id.")
    return run_id


def _unless_gone(_function: object, _path: str, raised: tuple[type[BaseException], BaseException, object]) -> None:
    """What another process has removed meanwhile is removed."""
    if not isinstance(raised[1], FileNotFoundError):
        raise raised[1]


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all. Lone surrogates, which no file can hold, become question marks."""
    write_whole(path, _encoded(text))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


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
        _remove_left_over(link)
    except OSError as error:
        raise BadInputError(
            f"{link}: can't be pointed to the newest report ({error.strerror}); make {link.parent} writable. "
            f"The reports themselves are in {reports_dir}."
        ) from error


def _remove_left_over(link: Path) -> None:
    """Remove what processes have left that were killed while they made this link."""
    for path in link.parent.glob(f".{escape(link.name)}-*"):
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime > _MAX_LINKING_S:
                path.unlink()
