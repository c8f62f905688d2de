"""The rows that targets judge: one a measurement, or made up for a scenario that was not measured yet."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from loadtasks.measurement.metrics import METRICS, Unit
from loadtasks.measurement.model import Measurement, label_of
from loadtasks.scenarios.model import MixedScenario, Scenario, parts_of

_PLAUSIBLE = {Unit.SECONDS: 0.1, Unit.PER_SECOND: 100.0, Unit.SHARE: 1.0, Unit.COUNT: 100.0}
"""A value of each unit as a load that succeeds would show it."""
_NONE_IN_A_GOOD_LOAD = frozenset({"throttled", "failed", "internal_errors", "dropped", "in_flight", "conservation_gap"})


@dataclass(frozen=True)
class TargetRow:
    """One row of what Great Expectations judges: the metrics, and the labels by which a condition may choose it."""

    LABELS: ClassVar = ("row", "scenario", "part", "endpoint")
    """The columns that are no metrics."""
    scenario: str
    part: str
    endpoint: str
    metrics: Mapping[str, float | None]

    @property
    def label(self) -> str:
        """What identifies the row: the scenario, with the part of a mixed one."""
        return label_of(self.scenario, self.part)

    @property
    def labels(self) -> dict[str, str]:
        """The values of `LABELS`."""
        return {"row": self.label, "scenario": self.scenario, "part": self.part, "endpoint": self.endpoint}

    def without_measured_values(self) -> "TargetRow":
        """The row of a measurement in which nothing was timed: counts, and nothing else."""
        metrics = {name: value if METRICS[name].unit is Unit.COUNT else None for name, value in self.metrics.items()}
        return replace(self, metrics=metrics)


def rows_of(measurements: Iterable[Measurement]) -> list[TargetRow]:
    """The rows of measurements."""
    return [TargetRow(found.scenario, found.part, found.endpoint, found.metrics) for found in measurements]


def made_up_rows(scenarios: Iterable[Scenario], measurements: Iterable[Measurement] = ()) -> list[TargetRow]:
    """A row for each scenario, each part of a mixed one, and each measurement, in which everything succeeded."""
    planned = (labels for scenario in scenarios for labels in _labels(scenario))
    measured = ((found.scenario, found.part, found.endpoint) for found in measurements)
    distinct = dict.fromkeys([*planned, *measured])
    return [TargetRow(*labels, _plausible(number)) for number, labels in enumerate(distinct)]


def endpoints_of(rows: Sequence[TargetRow]) -> list[str]:
    """The endpoints that rows belong to, in their order."""
    return list(dict.fromkeys(row.endpoint for row in rows))


def _labels(scenario: Scenario) -> Iterator[tuple[str, str, str]]:
    yield scenario.name, "", scenario.endpoint
    if isinstance(scenario, MixedScenario):
        for name, part in parts_of(scenario).items():
            yield scenario.name, name, part.endpoint


def _plausible(number: int) -> dict[str, float | None]:
    """The metrics of the n-th row; the rows differ by some percent, as measurements do."""
    scale = 1 + number / 100
    return {
        name: 0.0
        if name in _NONE_IN_A_GOOD_LOAD
        else _PLAUSIBLE[metric.unit] * (1 if metric.unit is Unit.SHARE else scale)
        for name, metric in METRICS.items()
    }
