"""The two builds that are compared, as somebody describes them, and what both have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

BuildName = Literal["candidate", "reference"]
BUILD_NAMES: tuple[BuildName, BuildName] = ("candidate", "reference")
PORT_MARK = "{port}"
"""What stands for the port in a command."""


@dataclass(frozen=True)
class Build:
    """One of the builds: a command that starts it, or an image."""

    name: BuildName
    command: str | None = None
    """Of the shell; `{port}` in it, and `PORT` in its environment, are the port on which it has to listen."""
    image: str | None = None
    """Instead of a command: `PORT` in its environment is the port on which it has to listen."""
    folder: Path | None = None
    """Where the command runs; where this process does when None."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of its environment, in addition to those of this process; of a container, all that it gets."""


@dataclass(frozen=True)
class HowToStart:
    """What both builds have in common."""

    logs: Path
    """The folder of their logs: `candidate.log` and `reference.log`, `candidate-2.log` of a second start and so on."""
    cores: Sequence[int] = ()
    """The cores that each may run on; any when empty."""
    timeout_s: float = 60.0
    """How long they may take until they are healthy."""
    container_port: int | None = None
    """Where the images listen; their only exposed port when None."""
    container_options: Sequence[str] = ()
    """More options of `docker create`."""
