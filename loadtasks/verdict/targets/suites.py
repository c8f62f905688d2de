"""Suites of targets, read from Great Expectations' JSON files without importing it, which takes seconds.

A suite judges the measurements of the endpoint that it is named after; `every_measurement` judges them all. What can be
checked without Great Expectations is checked here; `suite_check` tries the rest, before any load is sent.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtasks import strict_json
from loadtasks.errors import BadInputError
from loadtasks.input_files import MIB, is_folder, read_text
from loadtasks.measurement.metrics import METRICS, Unit
from loadtasks.measurement.model import Counts
from loadtasks.results.findings.codes import Severity
from loadtasks.results.findings.targets import Bound, Comparison
from loadtasks.scenarios.variables import check_no_variable

EVERY_MEASUREMENT = "every_measurement"
"""The suite that judges every measurement, whatever its endpoint."""
BETWEEN = "expect_column_values_to_be_between"
MAX_BYTES = MIB
"""Of a suite's file."""
MAX_VALUES = 10_000
"""Values in a suite's file, objects and lists included."""
MAX_EXPECTATIONS = 100
"""Of a suite: Great Expectations takes some 20 ms for each."""
MAX_NUMBER = 1e15
"""The largest number that an expectation may hold: more seconds, or requests, than any run has."""
_SUITE_KEYS = frozenset({"name", "expectations", "meta", "notes", "id", "suite_parameters"})
_COLUMN_KEYS = ("column", "column_A", "column_B")
_OF_THE_TABLE = frozenset({"expect_table_columns_to_match_ordered_list"})
"""Types whose `column_list` is what the table has to look like, and no list of what is judged."""
_EXPECTATION_KEYS = frozenset({"type", "kwargs", "meta", "notes", "description", "severity", "id"})
_NO_KWARGS = _EXPECTATION_KEYS | {
    "batch_id",
    "catch_exceptions",
    "rendered_content",
    "result_format",
    "windows",
}
"""What Great Expectations takes among the arguments, and what would change how an expectation is evaluated or shown."""
MAX_ITEMS = 100
"""Items of a list within an expectation."""
_OF_TEXTS = ("regex", "like_pattern", "json", "strftime", "dateutil")
"""What the types have in their names that judge text; a regular expression of theirs may also take for ever."""
_BETWEEN_KEYS = frozenset(
    {"column", "min_value", "max_value", "strict_min", "strict_max", "mostly", "row_condition", "condition_parser"}
)


@dataclass(frozen=True)
class Expectation:
    """One target of a suite."""

    path: Path
    number: int
    """Its position in the file, from 1."""
    raw: dict[str, Any]
    """As it stands in the file."""

    @property
    def type(self) -> str:
        """The name by which Great Expectations knows it."""
        return str(self.raw["type"])

    @property
    def kwargs(self) -> dict[str, Any]:
        """Its arguments: the column and what is expected of it."""
        kwargs: dict[str, Any] = self.raw["kwargs"]
        return kwargs

    @property
    def column(self) -> str:
        """The metric that it judges; empty where it judges a table as a whole."""
        return str(self.kwargs.get("column", ""))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every metric that it judges, one alone or several together."""
        named = [self.kwargs[key] for key in _COLUMN_KEYS if key in self.kwargs]
        listed = self.kwargs.get("column_list") if self.type not in _OF_THE_TABLE else None
        return tuple(dict.fromkeys([*named, *(listed if isinstance(listed, list) else ())]))

    @property
    def severity(self) -> Severity:
        """`critical` fails the scenario; `warning` and `info` are only reported."""
        return Severity(self.raw.get("severity") or Severity.CRITICAL)

    @property
    def location(self) -> str:
        """File, number and type, for error messages."""
        return f"{self.path}: expectation {self.number} ({self.type})"

    @property
    def minimum(self) -> float | None:
        """The smallest value that meets the target; None where there is no lower bound."""
        return self.kwargs.get("min_value")

    @property
    def maximum(self) -> float | None:
        """The largest value that meets the target; None where there is no upper bound."""
        return self.kwargs.get("max_value")

    def limit_for(self, observed: float | None) -> float | None:
        """The limit that an observed value missed; the only one where there is one, None where there is none."""
        if self.minimum is None or self.maximum is None:
            return self.maximum if self.minimum is None else self.minimum
        return self.minimum if observed is not None and observed <= self.minimum else self.maximum

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """What the metric has to fulfil, all of it; empty where the expectation is no comparison with a number."""
        minimum = 0 if self.column in Counts.model_fields and self.minimum is None else self.minimum
        if minimum is not None and minimum == self.maximum:
            return (Bound(comparison=Comparison.EQUAL, value=minimum),)
        sides = (
            (self.minimum, Comparison.ABOVE if self.kwargs.get("strict_min") else Comparison.AT_LEAST),
            (self.maximum, Comparison.BELOW if self.kwargs.get("strict_max") else Comparison.AT_MOST),
        )
        return tuple(Bound(comparison=comparison, value=limit) for limit, comparison in sides if limit is not None)


@dataclass(frozen=True)
class Suite:
    """The targets of one endpoint."""

    name: str
    """The endpoint that it judges, or `EVERY_MEASUREMENT`."""
    path: Path
    expectations: tuple[Expectation, ...]
    notes: str | list[str] | None = None


def expects_throttling(suites: Sequence[Suite], endpoint: str) -> bool:
    """Whether the suite of an endpoint expects a rate limit to reject at least one request."""
    return any(
        expectation.column == "throttled" and (expectation.minimum or 0) > 0
        for suite in suites
        if suite.name == endpoint
        for expectation in suite.expectations
    )


def read_suites(folder: Path) -> list[Suite]:
    """Read every suite of a folder, by name. Without any, the built-in targets judge alone.

    Raises:
        BadInputError: there is no such folder, or a suite is wrong.
    """
    if not is_folder(folder):
        raise BadInputError(f"{folder}: no such folder of expectation suites; name one with --expectations.")
    try:
        paths = sorted(path for path in folder.iterdir() if path.name.endswith(".json"))
    except OSError as error:
        raise BadInputError(f"{folder}: can't be read ({error.strerror}); make it readable.") from error
    return [_read_suite(path) for path in paths]


def _read_suite(path: Path) -> Suite:
    try:
        raw = strict_json.parse(read_text(path, MAX_BYTES), max_values=MAX_VALUES)
    except ValueError as error:
        raise BadInputError(f"{path}: {error}.") from error
    if not isinstance(raw, dict):
        raise BadInputError(f"{path}: a suite is a JSON object with `name` and `expectations`.")
    _refuse_unknown(raw, _SUITE_KEYS, str(path), "")
    if raw.get("name", path.stem) != path.stem:
        raise BadInputError(
            f"{path}: name is {raw['name']!r}; a suite is named after its file and the endpoint that it judges: "
            f"write {path.stem!r}, or rename the file."
        )
    expectations = raw.get("expectations")
    if not isinstance(expectations, list):
        raise BadInputError(f"{path}: expectations must be a list; without any the built-in targets judge alone.")
    try:
        check_no_variable(expectations)
    except ValueError as error:
        raise BadInputError(f"{path}: {error}.") from None
    if len(expectations) > MAX_EXPECTATIONS:
        raise BadInputError(
            f"{path}: more than {MAX_EXPECTATIONS:,} expectations; leave out what judges the same metric twice."
        )
    _check_texts(str(path), raw)
    if raw.get("suite_parameters"):
        raise BadInputError(f"{path}: suite_parameters are not supported; write the numbers into the expectations.")
    return Suite(
        name=path.stem,
        path=path,
        expectations=tuple(_expectation(path, number, given) for number, given in enumerate(expectations, 1)),
        notes=raw.get("notes"),
    )


def _expectation(path: Path, number: int, raw: object) -> Expectation:
    location = f"{path}: expectation {number}"
    if not isinstance(raw, dict):
        raise BadInputError(f"{location} must be an object with `type` and `kwargs`.")
    if not isinstance(raw.get("type"), str):
        raise BadInputError(f"{location}: type is missing; write for example {BETWEEN}.")
    location = f"{location} ({raw['type']})"
    _refuse_unknown(raw, _EXPECTATION_KEYS, location, "")
    if raw.get("severity", Severity.CRITICAL) not in list(Severity):
        raise BadInputError(f"{location}: severity {raw['severity']!r} must be one of {', '.join(Severity)}.")
    kwargs = raw.get("kwargs")
    if not isinstance(kwargs, dict):
        raise BadInputError(f"{location}: kwargs must be an object that says what is expected of which column.")
    for name, value in kwargs.items():
        if name in _NO_KWARGS:
            raise BadInputError(f"{location}: kwargs.{name} says nothing of what is expected; leave it out.")
        _check_size(location, f"kwargs.{name}", value)
    _check_size(location, "meta", raw.get("meta"))
    _check_texts(location, raw)
    if found := next((word for word in _OF_TEXTS if word in raw["type"]), None):
        raise BadInputError(f"{location}: it judges text ({found}), and every column holds numbers; leave it out.")
    _check_columns(location, raw["type"], kwargs)
    _check_numbers(location, kwargs)
    if raw["type"] == BETWEEN:
        _refuse_unknown(kwargs, _BETWEEN_KEYS, location, "kwargs.")
    if raw["type"].endswith("_to_be_between") and "quantile" not in raw["type"]:
        _check_bounds(location, kwargs)
    return Expectation(path=path, number=number, raw=raw)


def _check_columns(location: str, kind: str, kwargs: dict[str, Any]) -> None:
    if kind.startswith("expect_column_") and not kind.startswith("expect_column_pair_"):
        _check_column(location, "column", kwargs.get("column"), given="column" in kwargs)
    for key in _COLUMN_KEYS:
        if key in kwargs:
            _check_column(location, key, kwargs[key])
    listed = kwargs.get("column_list")
    if isinstance(listed, list) and kind not in _OF_THE_TABLE:
        for number, column in enumerate(listed, 1):
            _check_column(location, f"column_list, column {number}", column)


def _check_column(location: str, key: str, column: object, *, given: bool = True) -> None:
    if not isinstance(column, str) or column not in METRICS:
        wrong = f"{column!r} does not exist" if given else "is missing"
        raise BadInputError(f"{location}: kwargs.{key} {wrong}; name one of {', '.join(METRICS)}.")


def _check_numbers(location: str, kwargs: dict[str, Any]) -> None:
    for name in ("min_value", "max_value"):
        limit = kwargs.get(name)
        if limit is None:
            continue
        if isinstance(limit, bool) or not isinstance(limit, int | float):
            raise BadInputError(f"{location}: kwargs.{name} {limit!r} must be a number, as 2.0.")
        column = METRICS.get(kwargs.get("column", ""))
        if column is not None and column.unit is Unit.SHARE and not 0 <= limit <= 1:
            raise BadInputError(f"{location}: kwargs.{name} {limit!r} must be a share from 0 to 1, as 0.95 for 95 %.")
    mostly = kwargs.get("mostly", 1)
    if isinstance(mostly, bool) or not isinstance(mostly, int | float) or not 0 < mostly <= 1:
        raise BadInputError(
            f"{location}: kwargs.mostly {mostly!r} must be a share of the measurements, above 0 and at most 1; leave "
            "it out, so that each of them has to meet the target."
        )


def _check_bounds(location: str, kwargs: dict[str, Any]) -> None:
    minimum, maximum = kwargs.get("min_value"), kwargs.get("max_value")
    if minimum is None and maximum is None:
        raise BadInputError(f"{location}: kwargs has neither min_value nor max_value; give one of them.")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise BadInputError(f"{location}: kwargs.min_value {minimum} is above max_value {maximum}; swap them.")
    for name in ("strict_min", "strict_max"):
        if not isinstance(kwargs.get(name, False), bool):
            raise BadInputError(f"{location}: kwargs.{name} {kwargs[name]!r} must be true or false.")
    if minimum is not None and minimum == maximum and (kwargs.get("strict_min") or kwargs.get("strict_max")):
        raise BadInputError(
            f"{location}: no value is between {minimum} and {maximum} where one of them is strict; leave strict_min "
            "and strict_max out."
        )


def _check_size(location: str, name: str, given: object) -> None:
    """See that no number is absurd, and no list longer than what can be evaluated in time."""
    if isinstance(given, int | float) and abs(given) > MAX_NUMBER:
        raise BadInputError(f"{location}: {name} is a number beyond {MAX_NUMBER:,.0f}; write a smaller one.")
    if isinstance(given, list | dict):
        if len(given) > MAX_ITEMS:
            raise BadInputError(f"{location}: {name} has more than {MAX_ITEMS} items; give it fewer.")
        for value in given.values() if isinstance(given, dict) else given:
            _check_size(location, name, value)


def _check_texts(location: str, given: dict[str, Any]) -> None:
    """See that what people read of a suite or an expectation is text, and what belongs to `meta` is an object."""
    for name in ("notes", "description", "id"):
        value = given.get(name)
        lines = value if name == "notes" and isinstance(value, list) else [value]
        if value is not None and not all(isinstance(line, str) for line in lines):
            raise BadInputError(f"{location}: {name} must be text.")
    if not isinstance(given.get("meta", {}), dict):
        raise BadInputError(f"{location}: meta must be an object.")


def _refuse_unknown(given: dict[str, Any], known: Collection[str], location: str, prefix: str) -> None:
    unknown = next((key for key in given if key not in known), None)
    if unknown is not None:
        raise BadInputError(f"{location}: {prefix}{unknown} is not known; known are {', '.join(sorted(known))}.")
