"""The tasks that find out what was measured means, and write it down."""

import logging

from airflow.sdk import Asset, AssetAlias, get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from loadtasks import steps
from loadtasks.airflow import VERDICTS
from loadtasks.airflow.asking import ask_people
from loadtasks.airflow.bodies.task_context import failing_in_one_sentence, not_opened, run_id, stored
from loadtasks.airflow.names import verdict_asset

log = logging.getLogger(__name__)


def judge() -> None:
    """Judge validity and targets of each measurement.

    Raises:
        AirflowSkipException: the run was never opened.
    """
    if not_opened():
        raise AirflowSkipException("The run was never opened.")
    with failing_in_one_sentence():
        steps.judge(stored(), run_id())


def compare(triage: str) -> None:
    """Compare each scenario with the reference or with its baseline, and have people asked about regressions."""
    with failing_in_one_sentence():
        steps.compare(stored(), run_id())
    ask_people(stored(), run_id(), triage)


def report() -> None:
    """Write the report, announce the verdict to DAGs that wait for it, and prune old runs where a setting says so."""
    with failing_in_one_sentence():
        log.info("Report: %s", steps.write_report(stored(), run_id()) / "index.html")
        _announce()
        steps.prune_after(stored(), run_id())


def _announce() -> None:
    """Add an event to the asset of the service and the verdict."""
    summary = steps.summarize(stored(), run_id())
    uri = verdict_asset(summary.service, summary.verdict.value)
    get_current_context()["outlet_events"][AssetAlias(VERDICTS)].add(
        Asset(uri),
        extra={
            "run_id": run_id(),
            "service": summary.service,
            "verdict": summary.verdict.value,
            "sentence": summary.sentence,
            "target_version": summary.target_version,
        },
    )
    log.info("Event of the asset %s", uri)
