"""The structure of a scenario file: its keys, and what is wrong with them in words."""

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from loadtasks.scenarios.model import Event, Publish, ReadBack, Request
from loadtasks.scenarios.numbers import WrittenFloat
from loadtasks.scenarios.values import Path, Seconds, Seed, Warmup, check_name, is_secret_name, shortened

MAX_SCENARIOS = 1000
"""Of a file."""
MAX_PARTS = 100
"""Of a mixed scenario."""


class WrongFieldError(Exception):
    """What is wrong with one field."""

    def __init__(self, field: str, what: str) -> None:
        super().__init__(what)
        self.field = field

    @classmethod
    def first_of(cls, error: ValidationError, within: str = "") -> "WrongFieldError":
        """The first problem that pydantic found, in our words."""
        problem = error.errors()[0]
        field = joined(within, *(shortened(str(step)) for step in problem["loc"]))
        if problem["type"] == "extra_forbidden":
            return cls(field, "unknown key; docs/scenarios.md lists the known ones")
        if problem["type"] == "missing":
            return cls(field, "missing")
        message = problem["msg"].removeprefix("Value error, ")
        given = problem["input"]
        if isinstance(given, bool | int | float) and problem["type"] == "string_type":
            written = given.written if isinstance(given, WrittenFloat) else json.dumps(given)
            return cls(field, f"{shortened(written)} is not text; put it in quotes")
        is_secret = any(is_secret_name(str(step)) for step in problem["loc"])
        shown = f" (it is {_shown(given)})" if isinstance(given, str | int | float | bool) and not is_secret else ""
        return cls(field, f"{message[0].lower()}{message[1:]}{shown}")


def _shown(given: Any) -> str:
    """A value as it was given, as far as people need it to recognise it."""
    return repr(shortened(given)) if isinstance(given, str) else shortened(repr(given))


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FeederEntry(_Part):
    """A feeder as it stands in a file."""

    file: str = Field(min_length=1)
    order: Literal["cycle", "random"] = "cycle"
    seed: Seed = 1
    secret: list[str] = []


class PartEntry(_Part):
    """One part of a mixed scenario as it stands in a file."""

    scenario: str
    load: dict[str, Any] | None = None


class Entry(_Part):
    """One scenario as it stands in a file."""

    load: dict[str, Any] | None = None
    request: Request | None = None
    requests: list[Request] | None = Field(default=None, min_length=1)
    feeder: FeederEntry | None = None
    read_back: ReadBack | None = None
    scales: bool | None = None
    control: bool | None = None
    warmup_requests: Warmup | None = None
    timeout_s: Seconds | None = None
    connect_timeout_s: Seconds | None = None
    websocket: Path | None = None
    publish: Publish | None = None
    event: Event | None = None
    parts: dict[str, PartEntry] | None = Field(default=None, min_length=1, max_length=MAX_PARTS)

    @field_validator("parts", mode="before")
    @classmethod
    def _part_names(cls, parts: Any) -> Any:
        return _with_names(parts)

    @model_validator(mode="after")
    def _either(self) -> "Entry":
        if self.request and self.requests:
            raise ValueError("give either `request` or `requests`")
        return self

    def check_keys(self, where: str, known: frozenset[str]) -> None:
        """Refuse keys that would have no effect.

        Raises:
            WrongFieldError: one is.
        """
        for key in sorted(self.model_fields_set - known):
            raise WrongFieldError(key, f"means nothing in {where}; known keys are {', '.join(sorted(known))}")


class File(_Part):
    """A whole scenario file."""

    endpoint: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=100)
    request: Request | None = None
    feeder: FeederEntry | None = None
    websocket: Path | None = None
    scenarios: dict[str, Entry] = Field(min_length=1, max_length=MAX_SCENARIOS)

    @field_validator("scenarios", mode="before")
    @classmethod
    def _profile_names(cls, scenarios: Any) -> Any:
        return _with_names(scenarios)


def _with_names(entries: Any) -> Any:
    """Entries by name, every name one that can be written everywhere."""
    for name in entries if isinstance(entries, dict) else ():
        check_name(name)
    return entries


def joined(*steps: str) -> str:
    """A field's place in the file, as in `scenarios.steady.load`."""
    return ".".join(step for step in steps if step)
