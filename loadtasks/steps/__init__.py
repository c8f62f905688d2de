"""The flow of a run, step by step, and what people decide between runs.

In this order: `open_run`, `measure` for each scenario, `confirm` for each of the `repetitions_due`, `judge`, `compare`,
`write_report`, `alert`.

Each step takes a `RunContext` and a run id, reads what earlier steps kept, and keeps what it adds, so that every step
can run in a process of its own and be retried. The command line and Airflow call these and nothing else.
"""

from loadtasks.steps.confirm import confirm, repetitions_due
from loadtasks.steps.judging import compare, conclude, judge
from loadtasks.steps.measuring import measure
from loadtasks.steps.open_run import open_run, planned_scenarios, scenario_names
from loadtasks.steps.past_runs import LATEST, find_run, find_service
from loadtasks.steps.reporting import alert, document, write_report
from loadtasks.steps.rescue import NotKeptError, keep
from loadtasks.steps.run_context import RunContext, configured_reference, configured_target
from loadtasks.steps.triage import approve, backtest, current_user, move_regression

__all__ = [
    "LATEST",
    "NotKeptError",
    "RunContext",
    "alert",
    "approve",
    "backtest",
    "compare",
    "conclude",
    "configured_reference",
    "configured_target",
    "confirm",
    "current_user",
    "document",
    "find_run",
    "find_service",
    "judge",
    "keep",
    "measure",
    "move_regression",
    "open_run",
    "planned_scenarios",
    "repetitions_due",
    "scenario_names",
    "write_report",
]
