"""The tasks that send load."""

import logging
from collections.abc import Iterable
from typing import cast

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from loadtasks import steps
from loadtasks.airflow.bodies.task_context import (
    exercising,
    failing_in_one_sentence,
    not_opened,
    run_id,
    states,
    stored,
)
from loadtasks.interruption import interrupted_by_signals
from loadtasks.measurement.model import Measurement
from loadtasks.report.repetitions import render_repetitions_due
from loadtasks.report.terminal import measured_lines
from loadtasks.results.repetitions import RepetitionReason

log = logging.getLogger(__name__)


def measure(scenario: str) -> None:
    """Exercise one scenario, keep its measurement, and log it as a table.

    Raises:
        AirflowSkipException: the target refused the scenario when the run was opened.
    """
    with failing_in_one_sentence(), interrupted_by_signals():  # Airflow ends a task by SIGTERM
        if refusal := steps.refusals(stored(), run_id()).get(scenario):
            raise AirflowSkipException(f"{scenario} is not measured: {refusal}. Then clear open_run.")
        _log_table(steps.measure(exercising(), run_id(), scenario))


def repetitions_due() -> list[str]:
    """Return the scenarios that are due for more repetitions, or for a first measurement.

    What somebody has skipped, or marked as done, in the UI is left out.

    Raises:
        AirflowSkipException: the run was never opened.
    """
    if not_opened():
        raise AirflowSkipException("The run was never opened.")
    with failing_in_one_sentence():
        left_out = _left_out_by_hand()
        due = {
            scenario: reason
            for scenario, reason in steps.repetitions_due(exercising(), run_id()).items()
            if scenario not in left_out or reason is not RepetitionReason.MISSING
        }
    for line in render_repetitions_due(due):
        log.info("%s", line)
    return list(due)


def confirm(scenario: str) -> None:
    """Repeat the measurement of one scenario, choose the repetition to report, and log it as a table."""
    with failing_in_one_sentence(), interrupted_by_signals():
        _log_table(steps.confirm(exercising(), run_id(), scenario))


def _log_table(measurements: list[Measurement]) -> None:
    for line in measured_lines(measurements):
        log.info("%s", line)


def _left_out_by_hand() -> set[str]:
    """The scenarios whose `measure` ended well or was skipped."""
    planned = get_current_context()["ti"].xcom_pull(task_ids="open_run") or []
    found = states(["measure"])
    return {
        scenario
        for index, scenario in enumerate(cast("Iterable[str]", planned))
        if found.get(f"measure_{index}") in ("success", "skipped")
    }
