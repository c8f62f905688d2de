"""Environment variables that builds get, and where they come from."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

import loadtasks
from loadtasks.errors import BadInputError
from loadtasks.settings import MAX_SHOWN, PREFIX

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PORT = "PORT"
_OF_AIRFLOW = ("AIRFLOW", "_AIRFLOW")


def chosen_variables(written: Iterable[str], option: str) -> dict[str, str]:
    """The variables that somebody chose: `NAME=VALUE`, or `NAME` for the value that this process has.

    Raises:
        BadInputError: one is no such text, this process doesn't have it, or it is the port. No value is shown.
    """
    chosen = {}
    for text in written:
        name, has_value, value = text.partition("=")
        if not _NAME.fullmatch(name):
            raise BadInputError(f"{option} {name[:MAX_SHOWN]!r}: write NAME=VALUE, or NAME for a variable that is set.")
        if name == _PORT:
            raise BadInputError(f"{option} {_PORT}: each build gets a free port of its own; leave it out.")
        if not has_value and name not in os.environ:
            raise BadInputError(f"{option} {name}: there is no such variable here; set it, or write {name}=VALUE.")
        chosen[name] = value if has_value else os.environ[name]
    return chosen


def inherited() -> dict[str, str]:
    """What a command gets besides: the variables of this process without the settings of load tests, some secret."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def of_keeper() -> dict[str, str]:
    """The variables of a process that keeps a build, and of the build: without those of Airflow, some secret."""
    return {name: value for name, value in of_supervisor().items() if not name.startswith(_OF_AIRFLOW)}


def of_supervisor() -> dict[str, str]:
    """The variables of a process of this package, which finds it wherever it is started."""
    own = str(Path(loadtasks.__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, (own, os.environ.get("PYTHONPATH"))))
    return dict(os.environ) | {"PYTHONPATH": path}
