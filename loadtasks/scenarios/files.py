"""Scenario files: one YAML file an endpoint, read and checked whole before anything is sent."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from loadtasks.errors import BadInputError
from loadtasks.scenarios.builder import build
from loadtasks.scenarios.entry import File, WrongFieldError, joined
from loadtasks.scenarios.model import Scenario
from loadtasks.scenarios.yaml_reader import read_yaml


def read_scenarios(folder: Path) -> dict[str, Scenario]:
    """Every scenario of a folder by name, in the order of the files and within them.

    Raises:
        BadInputError: no folder, no scenario in it, or a file that is wrong; the sentence names file and field.
    """
    if not folder.is_dir():
        raise BadInputError(f"{folder}: no such folder; --scenarios names a folder of scenario files (*.yaml).")
    files = {path: _read_file(path) for path in sorted(folder.iterdir()) if _is_scenario_file(path)}
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


def _is_scenario_file(path: Path) -> bool:
    """Whether a file holds scenarios; hidden ones are those of editors and file systems."""
    return path.suffix.lower() in (".yaml", ".yml") and not path.name.startswith(".")


def _read_file(path: Path) -> File:
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise BadInputError(f"{path}: a scenario file is a mapping with `endpoint` and `scenarios`.")
    try:
        return File.model_validate(content)
    except ValidationError as error:
        wrong = WrongFieldError.first_of(error)
        raise BadInputError(f"{path}: {joined(wrong.field)}{': ' if wrong.field else ''}{wrong}.") from error
