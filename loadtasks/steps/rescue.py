"""What was measured is never lost: it goes to files where the results database can't take it, and from there back."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from loadtasks.errors import BadInputError, LoadTasksError
from loadtasks.input_files import MIB, UnusableFileError, read_text
from loadtasks.results.findings.validity import MeasurementFailure
from loadtasks.results.pairing import Pairing
from loadtasks.results.plausible import ImplausibleError, plausible
from loadtasks.results.repetitions import Repetition
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.service_name import file_name
from loadtasks.steps.run_context import RunContext
from loadtasks.whole_file import write_whole

FOLDER = "rescued"
"""Below the folder of all output: a folder for each run with measurements that the database could not take."""
_MAX_BYTES = 256 * MIB
"""Of a file with one of them."""


class MeasuredRepetition(BaseModel):
    """One repetition of a scenario with everything that a results database needs to take it, also a new one."""

    model_config = ConfigDict(frozen=True)

    run: Run
    scenario: str
    repetition: Repetition
    failure: MeasurementFailure | None = None
    pairing: Pairing | None = None

    @model_validator(mode="after")
    def _of_one_scenario(self) -> Self:
        measurements = self.repetition.measurements
        if any(measurement.scenario != self.scenario for measurement in measurements):
            raise ValueError("its measurements are of another scenario")
        if not measurements and (self.failure is None or self.repetition.number > 1):
            raise ValueError("it has no measurement")
        return self


class NotKeptError(BadInputError):
    """The results database could not take what was measured, which is in files now."""

    def __init__(self, message: str, folder: Path, scenario: str) -> None:
        super().__init__(message)
        self.folder = folder
        """Where `keep` finds it."""
        self.scenario = scenario


def save_or_rescue(context: RunContext, store: Store, measured: MeasuredRepetition) -> None:
    """Keep a repetition in the results database, or in a file where that can't be.

    The file is below `var`, or in a temporary folder where that can't be written either.

    Raises:
        NotKeptError: it is in a file, which the message names.
        BadInputError: it could not be written anywhere.
    """
    try:
        _save(store, measured)
    except (Exception, KeyboardInterrupt) as error:
        not_kept = _rescued(context, measured, error)
        if isinstance(error, LoadTasksError):
            raise not_kept from error
        error.add_note(str(not_kept))
        raise


def keep(context: RunContext, folder: Path) -> list[tuple[str, str]]:
    """Keep in the results database what was rescued to a folder, and remove its files.

    A repetition that the run has already, as of a task that was tried again, stays as it is.

    Returns:
        The runs and scenarios that were kept, in the order measured.

    Raises:
        BadInputError: the folder can't be read or holds no such files, or the database still can't take them.
    """
    found = dict(_read(folder))
    kept = []
    with Store.open(context.workspace.results_url) as store:
        for path, rescued in sorted(found.items(), key=lambda item: item[1].repetition.number):
            run_id, scenario = rescued.run.id, rescued.scenario
            if not store.has_run(run_id):
                store.open_run(rescued.run)
            numbers = {repetition.number for repetition in store.repetitions(run_id, scenario)}
            if rescued.repetition.number not in numbers:
                _save(store, rescued)
                kept.append((run_id, scenario))
            path.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()  # stays if somebody put something else there
    return kept


def remove(var: Path, run_id: str) -> None:
    """Remove what was rescued of a run below `var`, if anything was.

    Raises:
        BadInputError: it can't be removed.
    """
    folder = var / FOLDER / run_id
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise BadInputError(
            f"{error.filename or folder}: what was rescued of run {run_id} can't be removed "
            f"({error.strerror or error}); make {folder.parent} writable and try again."
        ) from error


def _save(store: Store, measured: MeasuredRepetition) -> None:
    run_id, scenario, repetition = measured.run.id, measured.scenario, measured.repetition
    if repetition.number == 1:
        store.save_measurements(run_id, scenario, repetition.measurements, measured.failure, measured.pairing)
    else:
        store.add_repetition(run_id, scenario, repetition)


def _rescued(context: RunContext, measured: MeasuredRepetition, reason: BaseException) -> BadInputError:
    """Write what the database could not take to a file. Returns the error that says where it is."""
    why = f"{reason} " if isinstance(reason, LoadTasksError) else ""
    run_id = measured.run.id
    try:
        folder = _write(measured, context.workspace.var / FOLDER / run_id)
    except OSError as error:
        return BadInputError(
            f"{why}What was measured of {measured.scenario} is lost: neither {context.workspace.var} nor a temporary "
            f"folder can be written ({error.strerror})."
        )
    return NotKeptError(
        f"{why}What was measured of {measured.scenario} is in {folder}: once the database can be used again, "
        f"`python -m loadtasks keep {folder}` and `python -m loadtasks judge {run_id}` take it in.",
        folder,
        measured.scenario,
    )


def _write(rescued: MeasuredRepetition, folder: Path) -> Path:
    """Write a file of its own, whole or not at all. Returns its folder, another one where that can't be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _written(rescued, folder)
    except OSError:
        return _written(rescued, _temporary_folder(rescued.run.id))


def _written(rescued: MeasuredRepetition, folder: Path) -> Path:
    path = folder / f"{file_name(rescued.scenario)}-{rescued.repetition.number}.json"
    write_whole(path, rescued.model_dump_json(indent=1).encode("utf-8", "replace"))
    return folder.absolute()


def _temporary_folder(run_id: str) -> Path:
    """The temporary folder of a run, the same for all that is rescued of it: one command takes in everything."""
    folder = Path(tempfile.gettempdir()) / f"loadtasks-{run_id}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
        return folder
    return Path(tempfile.mkdtemp(prefix=f"{folder.name}-"))  # somebody else was quicker, who may read or replace it


def _read(folder: Path) -> Iterator[tuple[Path, MeasuredRepetition]]:
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise BadInputError(f"{folder}: no folder with rescued measurements (*.json); the message about them names it.")
    for path in paths:
        try:
            yield path, plausible(MeasuredRepetition.model_validate_json(read_text(path, _MAX_BYTES)))
        except UnusableFileError as error:
            raise BadInputError(f"{path}: {error}; move it out of the folder, or make it readable.") from error
        except ImplausibleError as error:
            raise BadInputError(
                f"{path}: holds no rescued measurement ({error}); move it out of the folder."
            ) from error
        except ValidationError as error:
            what = error.errors(include_url=False)[0]
            where = ".".join(map(str, what["loc"])) or "the file"
            raise BadInputError(
                f"{path}: holds no rescued measurement ({where}: {what['msg']}); move it out of the folder."
            ) from error
