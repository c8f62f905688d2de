"""Scenario files: one YAML file an endpoint, read and checked whole before anything is sent."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from loadtasks.errors import BadInputError
from loadtasks.input_files import is_folder
from loadtasks.scenarios.builder import build
from loadtasks.scenarios.entry import File, WrongFieldError, joined
from loadtasks.scenarios.model import Scenario, parts_of
from loadtasks.scenarios.yaml_reader import read_file, yaml_of

MIN_LOAD_FACTOR, MAX_LOAD_FACTOR = 1e-6, 1e6
_MAX_CACHED_FILES = 100


def read_scenarios(folder: Path) -> dict[str, Scenario]:
    """Every scenario of a folder by name, in the order of the files and within them.

    Raises:
        BadInputError: no folder, no scenario in it, or a file that is wrong; the sentence names file and field.
    """
    if not is_folder(folder):
        raise BadInputError(f"{folder}: no such folder; --scenarios names a folder of scenario files (*.yaml).")
    try:
        paths = sorted(path for path in folder.iterdir() if _is_scenario_file(path))
    except OSError as error:
        raise BadInputError(f"{folder}: can't be read ({error.strerror}); make it readable.") from error
    files = {path: _checked(path, read_file(path)) for path in paths}
    if not files:
        raise BadInputError(f"{folder}: no scenario file (*.yaml) in it; docs/scenarios.md shows how to write one.")
    scenarios: dict[str, Scenario] = {}
    entries = [
        (path, file, profile, entry) for path, file in files.items() for profile, entry in file.scenarios.items()
    ]
    # Mixed scenarios name others, so they are built when those are there.
    for path, file, profile, entry in sorted(entries, key=lambda entry: entry[3].parts is not None):
        name = f"{file.endpoint}.{profile}"
        if name in scenarios:
            raise BadInputError(
                f"{path}: scenario {name} is defined in another file too; give it another profile name."
            )
        try:
            scenarios[name] = build(name, path, file, entry, scenarios)
        except WrongFieldError as error:
            raise BadInputError(f"{path}: {joined('scenarios', profile, error.field)}: {error}.") from error
    return scenarios


def select(scenarios: dict[str, Scenario], names: Sequence[str] | None) -> list[Scenario]:
    """The scenarios named (a whole endpoint by its name alone), in file order; all when none is named.

    Raises:
        BadInputError: a name that no scenario has.
    """
    if not names:
        return list(scenarios.values())
    chosen: set[str] = set()
    for name in names:
        found = {known for known, scenario in scenarios.items() if name in (known, scenario.endpoint)}
        if not found:
            raise BadInputError(f"{name}: no such scenario; known scenarios are {', '.join(scenarios)}.")
        chosen |= found
    return [scenario for name, scenario in scenarios.items() if name in chosen]


def scaled(scenarios: Sequence[Scenario], factor: float) -> list[Scenario]:
    """Scenarios under `factor` times their load.

    Raises:
        BadInputError: a factor that makes no sense, or a load that can't be driven any more.
    """
    if not MIN_LOAD_FACTOR <= factor <= MAX_LOAD_FACTOR:
        raise BadInputError(
            f"load factor {factor:g}: write a number from {MIN_LOAD_FACTOR:g} to {MAX_LOAD_FACTOR:g}; 1 is the load of "
            "the scenario files."
        )
    return [_scaled(scenario, factor) for scenario in scenarios]


def _scaled(scenario: Scenario, factor: float) -> Scenario:
    result = scenario.scaled(factor)
    for name, part in parts_of(result).items():
        try:
            type(part.load).model_validate(dict(part.load))
        except ValidationError as error:
            wrong = WrongFieldError.first_of(error, joined(name, "load"))
            raise BadInputError(
                f"load factor {factor:g}: scenario {scenario.name} can't have that load: {wrong.field}: {wrong}."
            ) from error
    return result


def _is_scenario_file(path: Path) -> bool:
    """Whether a file holds scenarios; hidden ones are those of editors and file systems."""
    return path.suffix.lower() in (".yaml", ".yml") and not path.name.startswith(".")


@lru_cache(maxsize=_MAX_CACHED_FILES)
def _checked(path: Path, data: bytes) -> File:
    """What a file says. Each step of a run reads the scenarios, which takes 10 ms a file."""
    content = yaml_of(path, data)
    if not isinstance(content, dict):
        raise BadInputError(f"{path}: a scenario file is a mapping with `endpoint` and `scenarios`.")
    try:
        return File.model_validate(content)
    except ValidationError as error:
        wrong = WrongFieldError.first_of(error)
        raise BadInputError(f"{path}: {joined(wrong.field)}{': ' if wrong.field else ''}{wrong}.") from error
