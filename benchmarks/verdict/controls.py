"""What controls excuse in simulated families, judged run by run as the pipeline does it, without repetitions.

    python -m benchmarks.verdict.controls

Thirteen scenarios; their medians and the control differ from run to run as the cell says. After 30 runs a neighbour
begins to be busy, and stays: the control moves by its shift, and each scenario by that times a coefficient of its own.
One scenario computes 10 % longer from the same run on. Families of each cell, and in how many of them

    blamed       another scenario regresses within ten runs;
    found        the slower scenario regresses within ten runs;
    improved     another scenario is said to have improved.

The first cell has no neighbour: what can be found at all without repetitions. In the last one the control does not move
and all scenarios compute 10 % longer: `blamed` is right there. Ends with 1 where more than one family in ten is blamed
in the cells with a precise control, or fewer find the slower scenario than two in five of those that do without a
neighbour. About a minute.
"""

import sys
from typing import NamedTuple

import numpy as np

from benchmarks.engine.bench import table
from loadtasks.verdict.history.control import SeriesGroups, explain
from loadtasks.verdict.history.control_levels import follow
from loadtasks.verdict.history.detector import Detector
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.series_judgement import DetectorState
from loadtasks.verdict.history.series_settings import SeriesSettings

SCENARIOS, BEFORE, AFTER, FAMILIES = 13, 30, 10, 20
_JUDGED = (30, 31, 32, 34, 36, 39)
"""The runs that are judged as the newest one."""
_SLOWED = 4
_STEP = np.log(1.1)
_P50_SHARE = 0.5 / SCENARIOS


class Cell(NamedTuple):
    """One kind of family."""

    name: str
    series: float
    """How much a median differs from run to run."""
    control: float
    """How much the control does."""
    shift: float
    """How far the control moves."""
    coefficient: float = 0.8
    spread: float = 0.05
    """How much the coefficients of the scenarios differ."""
    all_slower: bool = False
    """Whether all scenarios compute longer instead of one."""


CELLS = (
    Cell("no neighbour", 0.02, 0.03, 0.0),
    Cell("neighbour", 0.02, 0.03, 0.4),
    Cell("neighbour, control of 5 %", 0.02, 0.05, 0.4),
    Cell("neighbour, small move", 0.02, 0.03, 0.15),
    Cell("scenarios that differ", 0.02, 0.03, 0.4, 0.6, 0.3),
    Cell("control of 15 %", 0.02, 0.15, 0.4),
    Cell("control of 40 %", 0.02, 0.4, 0.4),
    Cell("control unmoved, all slower", 0.02, 0.03, 0.0, all_slower=True),
)
_LIMITED = 4


def main() -> int:
    """Print the table and the limits that don't hold."""
    rows, problems, possible = [], [], 0
    for number, cell in enumerate(CELLS):
        outcomes = np.array([_judge(cell, np.random.default_rng([number, family])) for family in range(FAMILIES)])
        blamed, found, improved = outcomes.sum(axis=0)
        rows.append([cell.name, *(f"{count} of {FAMILIES}" for count in (blamed, found, improved))])
        possible = found if not number else possible
        if number < _LIMITED and (blamed > 0.1 * FAMILIES or found < 0.4 * possible):
            problems.append(f"{cell.name}: {blamed} blamed, {found} found of {FAMILIES}")
    print(table(["cell", "blamed", "found", "improved"], rows))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def _judge(cell: Cell, random: np.random.Generator) -> tuple[bool, bool, bool]:
    runs = BEFORE + AFTER
    control = random.normal(0, cell.control, runs)
    values = random.normal(0, cell.series, (runs, SCENARIOS))
    control[BEFORE:] += cell.shift
    coefficients = np.clip(random.normal(cell.coefficient, cell.spread, SCENARIOS), 0, 1.2)
    values[BEFORE:] += coefficients * cell.shift
    values[BEFORE:, slice(None) if cell.all_slower else _SLOWED] += _STEP
    blamed = found = improved = False
    for newest in _JUDGED:
        states = _states(values[: newest + 1], control[: newest + 1])
        others = [state for scenario, state in enumerate(states) if scenario != _SLOWED]
        blamed |= DetectorState.REGRESSED in others
        improved |= DetectorState.IMPROVED in others
        found |= states[_SLOWED] is DetectorState.REGRESSED
    return blamed, found, improved


def _states(values: np.ndarray, control: np.ndarray) -> list[DetectorState]:
    """The state of each scenario in the last run."""
    groups = SeriesGroups(np.zeros(SCENARIOS, dtype=np.int64), np.arange(SCENARIOS))
    left = values - explain(values, follow(control), np.arange(len(values)), groups).explained
    detector = Detector([SeriesSettings(float(np.log1p(0.03)), _P50_SHARE)] * SCENARIOS, FalseAlarmBudget(100))
    return [judged.state for judged in [detector.observe(row) for row in left][-1]]


if __name__ == "__main__":
    sys.exit(main())
