"""The steps of one run, and what people decide between runs.

In this order: `open_run`, `measure` for each scenario, `measure_again` for each of the `suspects`, `judge`, `compare`,
`write_report`, `alert`.

Each step takes a workspace and a run id, reads what earlier steps kept, and keeps what it adds, so that every step can
run in a process of its own and be tried again. The command line and the DAG call these and nothing else.
"""

from loadtasks.steps.confirm import measure_again, suspects
from loadtasks.steps.judging import compare, conclude, judge
from loadtasks.steps.measuring import measure
from loadtasks.steps.open_run import open_run, scenario_names
from loadtasks.steps.reporting import alert, document, write_report
from loadtasks.steps.triage import approve, backtest, move_regression

__all__ = [
    "alert",
    "approve",
    "backtest",
    "compare",
    "conclude",
    "document",
    "judge",
    "measure",
    "measure_again",
    "move_regression",
    "open_run",
    "scenario_names",
    "suspects",
    "write_report",
]
