"""Results exported to a file, and files of results imported: the history of a runner that keeps nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadtasks.results.database import ResultsDatabase
from loadtasks.results.store import Store
from loadtasks.results.transfer.exporting import ExportedResults, Selection, export
from loadtasks.results.transfer.importing import import_files
from loadtasks.results.transfer.merging import MergedResults
from loadtasks.steps.notifying import configured_channels
from loadtasks.steps.retention import link_newest, remove_files
from loadtasks.steps.run_context import RunContext

__all__ = ["ExportedResults", "ImportedResults", "MergedResults", "Selection", "export_results", "import_results"]


@dataclass(frozen=True)
class ImportedResults:
    """What files added to the results database, and what it holds now."""

    files: list[tuple[Path, MergedResults]] = field(default_factory=list)
    """In the order given, without those that there are not."""
    runs: int = 0
    services: int = 0


def export_results(context: RunContext, path: Path, selection: Selection) -> ExportedResults:
    """Write results to a file that `import_results` reads, in place of an earlier export.

    Raises:
        BadInputError: there is no run of the service selected, or the file can't be written.
    """
    database = ResultsDatabase(context.workspace.results_url)
    try:
        return export(database, path, selection)
    finally:
        database.close()


def import_results(
    context: RunContext, paths: Sequence[Path], *, service: str | None = None, if_exists: bool = False
) -> ImportedResults:
    """Merge files of results into the results database: all of them, or none where one can't be used.

    Args:
        context: What all steps share.
        paths: Exports, or SQLite results databases.
        service: The one service whose results are taken; None: all.
        if_exists: Whether a file may be missing.

    Raises:
        BadInputError: a file is missing or can't be used, or contradicts the results database.
    """
    present = [path for path in dict.fromkeys(paths) if not if_exists or _is_there(path)]
    database = ResultsDatabase(context.workspace.results_url)
    try:
        reached = [*context.settings.recipients, *configured_channels(context.settings)]
        merged = import_files(database, present, reached, service) if present else []
    finally:
        database.close()
    for run_id in dict.fromkeys(run_id for one in merged for run_id in one.removed):
        remove_files(context, run_id)
    with Store.open(context.workspace.results_url) as store:
        services = store.services()
        link_newest(context, store, services)
        return ImportedResults(list(zip(present, merged, strict=True)), len(store.run_ids()), len(services))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that none can have is said where the file is opened
        return True
