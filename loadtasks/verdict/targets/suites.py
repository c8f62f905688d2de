"""Suites of targets, read from Great Expectations' JSON files without importing it, which takes seconds.

A suite judges the measurements of the endpoint that it is named after; `every_measurement` judges them all. What can be
checked without Great Expectations is checked here, before any load is sent.
"""

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtasks import units
from loadtasks.errors import BadInputError
from loadtasks.measurement.metrics import METRICS, Unit
from loadtasks.measurement.model import Counts

EVERY_MEASUREMENT = "every_measurement"
"""The suite that judges every measurement, whatever its endpoint."""
BETWEEN = "expect_column_values_to_be_between"
SEVERITIES = ("critical", "warning", "info")
_SUITE_KEYS = frozenset({"name", "expectations", "meta", "notes", "id", "suite_parameters"})
_EXPECTATION_KEYS = frozenset({"type", "kwargs", "meta", "notes", "description", "severity", "id"})
_BETWEEN_KEYS = frozenset(
    {"column", "min_value", "max_value", "strict_min", "strict_max", "mostly", "row_condition", "condition_parser"}
)


@dataclass(frozen=True)
class Expectation:
    """One target of a suite."""

    path: Path
    number: int
    """Its place in the file, from 1."""
    raw: dict[str, Any]
    """As it stands in the file."""

    @property
    def type(self) -> str:
        """The name by which Great Expectations knows it."""
        return str(self.raw["type"])

    @property
    def kwargs(self) -> dict[str, Any]:
        """What it says of which column."""
        kwargs: dict[str, Any] = self.raw["kwargs"]
        return kwargs

    @property
    def column(self) -> str:
        """The metric that it judges; empty where it judges a table as a whole."""
        return str(self.kwargs.get("column", ""))

    @property
    def severity(self) -> str:
        """`critical` fails the scenario; `warning` and `info` are only told."""
        return str(self.raw.get("severity") or "critical")

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.path}: expectation {self.number} ({self.type})"

    @property
    def minimum(self) -> float | None:
        """The least that is good; None when anything is."""
        return self.kwargs.get("min_value")

    @property
    def maximum(self) -> float | None:
        """The most that is good; None when anything is."""
        return self.kwargs.get("max_value")

    def limit_beside(self, observed: float | None) -> float | None:
        """The limit that an observed value missed; without one, the limit there is."""
        if self.minimum is None or self.maximum is None:
            return self.maximum if self.minimum is None else self.minimum
        return self.minimum if observed is not None and observed <= self.minimum else self.maximum

    @property
    def counts(self) -> bool:
        """Whether it judges a number of requests."""
        return self.column in Counts.model_fields

    @property
    def target(self) -> str:
        """What it asks for, in people's units: `< 2.00 s`."""
        least = 0 if self.counts and self.minimum is None else self.minimum
        if least is not None and least == self.maximum:
            return f"= {units.value(self.column, least)}"
        bounds = (
            (self.minimum, ">" if self.kwargs.get("strict_min") else "≥"),
            (self.maximum, "<" if self.kwargs.get("strict_max") else "≤"),
        )
        told = [f"{sign} {units.value(self.column, bound)}" for bound, sign in bounds if bound is not None]
        return " and ".join(told) or self.type


@dataclass(frozen=True)
class Suite:
    """The targets of one endpoint."""

    name: str
    """The endpoint that it judges, or `EVERY_MEASUREMENT`."""
    path: Path
    expectations: tuple[Expectation, ...]
    notes: str | list[str] | None = None


def wants_throttling(suites: Sequence[Suite], endpoint: str) -> bool:
    """Whether the measurements of an endpoint are to be throttled: a suite wants at least one request turned away."""
    return any(
        expectation.column == "throttled" and (expectation.minimum or 0) > 0
        for suite in suites
        if suite.name == endpoint
        for expectation in suite.expectations
    )


def read_suites(folder: Path) -> list[Suite]:
    """Read every suite of a folder, by name.

    Raises:
        BadInputError: no such folder, nothing in it, or a suite that is wrong.
    """
    if not folder.is_dir():
        raise BadInputError(f"{folder}: no such folder of expectation suites; name one with --expectations.")
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise BadInputError(f"{folder}: no expectation suite (*.json) in it, so nothing could be judged; add one.")
    return [_read_suite(path) for path in paths]


def _read_suite(path: Path) -> Suite:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: can't be read ({getattr(error, 'strerror', None) or error}).") from error
    except json.JSONDecodeError as error:
        raise BadInputError(f"{path}: not JSON: line {error.lineno}, column {error.colno}: {error.msg}.") from error
    if not isinstance(raw, dict):
        raise BadInputError(f"{path}: a suite is a JSON object with `name` and `expectations`.")
    _refuse_unknown(raw, _SUITE_KEYS, str(path), "")
    if raw.get("name", path.stem) != path.stem:
        raise BadInputError(
            f"{path}: name is {raw['name']!r}; a suite is named after its file and the endpoint that it judges: "
            f"write {path.stem!r}, or rename the file."
        )
    expectations = raw.get("expectations")
    if not isinstance(expectations, list) or not expectations:
        raise BadInputError(f"{path}: expectations must be a list with at least one expectation in it.")
    return Suite(
        name=path.stem,
        path=path,
        expectations=tuple(_expectation(path, number, each) for number, each in enumerate(expectations, 1)),
        notes=raw.get("notes"),
    )


def _expectation(path: Path, number: int, raw: object) -> Expectation:
    place = f"{path}: expectation {number}"
    if not isinstance(raw, dict):
        raise BadInputError(f"{place} must be an object with `type` and `kwargs`.")
    if not isinstance(raw.get("type"), str):
        raise BadInputError(f"{place}: type is missing; write for example {BETWEEN}.")
    place = f"{place} ({raw['type']})"
    _refuse_unknown(raw, _EXPECTATION_KEYS, place, "")
    if raw.get("severity", SEVERITIES[0]) not in SEVERITIES:
        raise BadInputError(f"{place}: severity {raw['severity']!r} must be one of {', '.join(SEVERITIES)}.")
    kwargs = raw.get("kwargs")
    if not isinstance(kwargs, dict):
        raise BadInputError(f"{place}: kwargs must be an object that says what is expected of which column.")
    _check_column(place, raw["type"], kwargs)
    _check_numbers(place, kwargs)
    if raw["type"] == BETWEEN:
        _check_between(place, kwargs)
    return Expectation(path=path, number=number, raw=raw)


def _check_column(place: str, kind: str, kwargs: dict[str, Any]) -> None:
    needed = kind.startswith("expect_column_") and not kind.startswith("expect_column_pair_")
    if "column" not in kwargs and not needed:
        return
    column = kwargs.get("column")
    if not isinstance(column, str) or column not in METRICS:
        wrong = f"{column!r} does not exist" if "column" in kwargs else "is missing"
        raise BadInputError(f"{place}: kwargs.column {wrong}; name one of {', '.join(METRICS)}.")


def _check_numbers(place: str, kwargs: dict[str, Any]) -> None:
    for name in ("min_value", "max_value"):
        limit = kwargs.get(name)
        if limit is None:
            continue
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not math.isfinite(limit):
            raise BadInputError(f"{place}: kwargs.{name} {limit!r} must be a number, as 2.0.")
        column = METRICS.get(kwargs.get("column", ""))
        if column is not None and column.unit is Unit.SHARE and not 0 <= limit <= 1:
            raise BadInputError(f"{place}: kwargs.{name} {limit!r} must be a share from 0 to 1, as 0.95 for 95 %.")


def _check_between(place: str, kwargs: dict[str, Any]) -> None:
    _refuse_unknown(kwargs, _BETWEEN_KEYS, place, "kwargs.")
    least, most = kwargs.get("min_value"), kwargs.get("max_value")
    if least is None and most is None:
        raise BadInputError(f"{place}: kwargs has neither min_value nor max_value; give one of them.")
    if least is not None and most is not None and least > most:
        raise BadInputError(f"{place}: kwargs.min_value {least} is above max_value {most}; swap them.")
    for name in ("strict_min", "strict_max"):
        if not isinstance(kwargs.get(name, False), bool):
            raise BadInputError(f"{place}: kwargs.{name} {kwargs[name]!r} must be true or false.")


def _refuse_unknown(given: dict[str, Any], known: Collection[str], place: str, prefix: str) -> None:
    unknown = next((key for key in given if key not in known), None)
    if unknown is not None:
        raise BadInputError(f"{place}: {prefix}{unknown} is not known; known are {', '.join(sorted(known))}.")
