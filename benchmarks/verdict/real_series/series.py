"""Real series and what people see in them, read from a folder.

`annotations.json` names the series, `series/ID.csv` holds the points of each. An annotation is the index of the first
point of a new level.
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.verdict.simulated_runs import Values

SEVERAL_PEOPLE = "human5"
"""The kind of series that five people annotated, who don't always agree."""
_SAME_STEP = 8
"""Annotations of several people that are no farther apart mean the same step, in points."""


@dataclass(frozen=True)
class RealSeries:
    """One series, with the steps that are known."""

    name: str
    worse_up: bool
    values: Values
    """Of each point, oldest first; all are above 0."""
    annotated: tuple[int, ...]
    """The first points of new levels, in ascending order."""
    optional: tuple[int, ...]
    """The first points of small, short or doubtful steps, which are neither right nor wrong."""
    first_points: tuple[int, ...]
    """The first point of each run: consecutive points of one build are the repetitions of a run."""

    @property
    def repetitions(self) -> list[Values]:
        """The logarithms of each run's values, the first measurement first."""
        return list(np.split(np.log(self.values), self.first_points[1:]))

    @property
    def has_repetitions(self) -> bool:
        """Whether a build has several points."""
        return len(self.first_points) < len(self.values)


def read_folder(folder: Path) -> list[RealSeries]:
    """Read all series of a folder, in the order of annotations.json.

    Raises:
        ValueError: a file is no such file; the message names it.
        OSError: a file can't be read.
    """
    path = folder / "annotations.json"
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        return [_read_series(folder / "series" / f"{name}.csv", name, facts) for name, facts in described.items()]
    except (json.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} must hold, by the id of a series, `worse_up` and `annotations`, which are lists of points by who "
            f"named them: {error!r}"
        ) from error


def make_series(  # noqa: PLR0913 - all but the values are named
    values: Sequence[float],
    *,
    name: str = "",
    annotated: Sequence[int] = (),
    optional: Sequence[int] = (),
    worse_up: bool = True,
    builds: Sequence[str] | None = None,
) -> RealSeries:
    """A series of given points; without builds each point is a run."""
    first_points = range(len(values)) if builds is None else _first_points(builds)
    inside = sorted({point for point in annotated if 0 < point < len(values)})
    return RealSeries(
        name, worse_up, np.array(values, float), tuple(inside), tuple(sorted(optional)), tuple(first_points)
    )


def cut(series: RealSeries, begin: int, end: int) -> RealSeries:
    """The runs of a series from one run on, until another."""
    ends = (*series.first_points, len(series.values))
    since, until = ends[begin], ends[end]

    def inside(points: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(point - since for point in points if since < point < until)

    return replace(
        series,
        values=series.values[since:until],
        annotated=inside(series.annotated),
        optional=inside(series.optional),
        first_points=tuple(point - since for point in series.first_points[begin:end]),
    )


def agreed_steps(annotations: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """The steps that at least half of the people name, and those that fewer name."""
    named = sorted(point for of_one in annotations for point in of_one)
    agreed, doubtful = [], []
    while named:
        same = [point for point in named if point - named[0] <= _SAME_STEP]
        if len(same) >= len(annotations) / 2:
            agreed.append(int(np.median(same)))
        else:
            doubtful += same
        named = named[len(same) :]
    return agreed, doubtful


def _read_series(path: Path, name: str, facts: dict[str, Any]) -> RealSeries:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    values = [_value(path, number, row) for number, row in enumerate(rows, start=2)]
    if not values:
        raise ValueError(f"{path} has no points")
    annotations, optional = list(facts["annotations"].values()), list(facts.get("optional", []))
    annotated = [point for of_one in annotations for point in of_one]
    if facts.get("kind") == SEVERAL_PEOPLE:
        annotated, doubtful = agreed_steps(annotations)
        optional += doubtful
    builds = [row["build"] or f"point {number}" for number, row in enumerate(rows)] if _has_builds(rows) else None
    worse_up = bool(facts["worse_up"])
    return make_series(values, name=name, annotated=annotated, optional=optional, worse_up=worse_up, builds=builds)


def _value(path: Path, line: int, row: dict[str, str]) -> float:
    try:
        value = float(row["value"])
    except (KeyError, TypeError, ValueError):
        value = float("nan")
    if not 0 < value < float("inf"):
        raise ValueError(f"{path}, line {line}: the column `value` must be a number above 0")
    return value


def _has_builds(rows: Sequence[dict[str, str]]) -> bool:
    return bool(rows) and "build" in rows[0]


def _first_points(builds: Sequence[str]) -> list[int]:
    return [next(same)[0] for _, same in groupby(enumerate(builds), key=lambda numbered: numbered[1])]
