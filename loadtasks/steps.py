"""The steps of one run, in order: `open_run`, `measure` for each scenario, `judge`, `compare`, `write_report`, `alert`.

Each step takes a workspace and a run id, reads what earlier steps kept, and keeps what it adds, so that every step can
run in a process of its own and be tried again. The command line and the DAG call these and nothing else.
"""

import getpass
import os
import socket
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from loadtasks import __version__
from loadtasks.engine import target_metrics
from loadtasks.engine.calibration import calibrate
from loadtasks.engine.measurement import Calibration, Measurement
from loadtasks.engine.progress import OnProgress
from loadtasks.engine.run import run_scenario
from loadtasks.engine.target import Target
from loadtasks.errors import BadInputError, LoadTasksError, TargetUnavailableError
from loadtasks.report import folder, mail
from loadtasks.results.document import ResultsDocument
from loadtasks.results.judgement import Verdict, overall
from loadtasks.results.records import Alert
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.scenarios.files import read_scenarios, select
from loadtasks.scenarios.model import Scenario, first_request
from loadtasks.verdict.judge import compare_run, judge_run
from loadtasks.verdict.regressions import Rule
from loadtasks.verdict.suites import read_suites
from loadtasks.workspace import Workspace

AUTOMATIC = "automatic"
"""Who approves a baseline that nobody approved."""


def scenario_names(workspace: Workspace) -> list[str]:
    """The names of all scenarios of the workspace.

    Raises:
        BadInputError: a scenario file is wrong.
    """
    return list(read_scenarios(workspace.scenarios))


def open_run(
    workspace: Workspace,
    target: Target,
    *,
    run_id: str,
    trigger: str,
    scenarios: Sequence[str] | None = None,
    load_factor: float = 1.0,
    processes: int = 1,
) -> Run:
    """Check everything that can be wrong before load is sent, and open the run.

    When the target is down or refuses the token, the run is kept all the same, every scenario invalid for that reason,
    so that it is reported and told like any other.

    Raises:
        BadInputError: a wrong scenario, suite, factor or token; a workspace that can't be written.
        TargetUnavailableError: the target doesn't answer.
    """
    workspace.check_writable()
    chosen = select(read_scenarios(workspace.scenarios), scenarios)
    read_suites(workspace.expectations)
    if not load_factor > 0:
        raise BadInputError(f"load factor {load_factor:g}: it must be above 0; 1 is the load of the scenario files.")
    run = Run(
        id=run_id,
        started_at=datetime.now(UTC),
        trigger=trigger,
        target_url=target.url,
        load_factor=load_factor,
        scenarios=[scenario.name for scenario in chosen],
        generator=_generator(processes),
    )
    with Store.open(workspace.results_url) as store:
        store.open_run(run)
        try:
            _check_target(target, chosen)
        except LoadTasksError as error:
            for scenario in run.scenarios:
                store.save_failure(run.id, scenario, str(error))
            store.save_verdicts(run.id, judge_run(run.scenarios, [], store.failures(run.id), []))
            store.close_run(run.id, Verdict.INVALID, datetime.now(UTC))
            raise
        run = run.model_copy(update={"target_version": target.version()})
        store.open_run(run)
    return run


def measure(
    workspace: Workspace,
    run_id: str,
    scenario: str,
    target: Target,
    on_progress: OnProgress | None = None,
    *,
    processes: int = 1,
) -> list[Measurement]:
    """Run one scenario and keep what it showed; what keeps it from running, or ends the target, is kept beside it.

    `processes` is what the run was opened with: over so many the load is shared.

    Raises:
        TargetUnavailableError: the target has stopped answering.
        ProcessError: one of several processes broke.
        BadInputError: no such scenario or run, or the results can't be written.
    """
    with Store.open(workspace.results_url) as store:
        run = store.run(run_id)
        try:
            (chosen,) = select(read_scenarios(workspace.scenarios), [scenario])
            target.check_alive()
            calibration = _calibration(store, run)
            before = target_metrics.read(target)
            measurements = run_scenario(
                chosen.scaled(run.load_factor), target, on_progress, processes=processes, calibration=calibration
            )
            told = target_metrics.between(target, before, target_metrics.read(target))
            measurements[0] = measurements[0].model_copy(update={"target_metrics": told})
        except LoadTasksError as error:
            store.save_failure(run_id, scenario, str(error))
            raise
        except BaseException as error:
            what = "interrupted" if isinstance(error, KeyboardInterrupt) else f"the load engine failed: {error!r}"
            store.save_failure(run_id, scenario, f"{what}; nothing of this scenario was kept.")
            raise
        died = _death(target, scenario)
        try:
            store.save_measurements(run_id, scenario, measurements, died)
        except LoadTasksError as error:
            raise BadInputError(f"{error} What was measured is kept in {_rescue(run_id, measurements)}.") from error
    if died is not None:
        raise TargetUnavailableError(died)
    return measurements


def judge(workspace: Workspace, run_id: str) -> Verdict:
    """Validity, then targets: the only step that imports Great Expectations. Builds the Data Docs.

    Raises:
        BadInputError: a suite that is wrong or that Great Expectations can't evaluate.
    """
    suites = read_suites(workspace.expectations)
    with Store.open(workspace.results_url) as store:
        run = store.run(run_id)
        verdicts = judge_run(
            run.scenarios,
            store.measurements(run_id),
            store.failures(run_id),
            suites,
            workspace.reports / run_id / "data_docs",
        )
        store.save_verdicts(run_id, verdicts)
    return overall([each.verdict for each in verdicts])


def compare(workspace: Workspace, run_id: str, rule: Rule | None = None) -> Verdict:
    """Hold the run against its baselines, diagnose what is wrong, and close it with its verdict.

    The first good measurement of a scenario becomes its baseline unless one was approved.
    """
    with Store.open(workspace.results_url) as store:
        baselines = {
            each.scenario: (each, store.measurements(each.run_id, each.scenario))
            for each in store.baselines()
            if each.run_id != run_id
        }
        verdicts = compare_run(store.verdicts(run_id), store.measurements(run_id), baselines, rule or Rule())
        store.save_verdicts(run_id, verdicts)
        verdict = overall([each.verdict for each in verdicts])
        store.close_run(run_id, verdict, datetime.now(UTC))
        if verdict.good:
            store.approve(run_id, approved_by=AUTOMATIC, why="the first passing run", only_missing=True)
    return verdict


def write_report(workspace: Workspace, run_id: str) -> Path:
    """Write the report folder of a run, and point `latest` to it. Returns the folder."""
    return folder.write(document(workspace, run_id), workspace.reports)


def alert(
    workspace: Workspace,
    run_id: str,
    *,
    sender: str,
    recipients: Sequence[str],
    deliver: mail.Deliver | None = None,
) -> str | None:
    """Tell people when the verdict is not good, once a run. Returns where the mail went; None when there was no need.

    Without `deliver`, and where it fails, the mail is written to the outbox as an .eml file.

    Raises:
        BadInputError: the outbox can't be written.
    """
    with Store.open(workspace.results_url) as store:
        told = store.alerts(run_id)
        if told or conclude(workspace, run_id).good:
            return told[-1].where if told else None
        result = store.document(run_id)
        message = mail.compose(
            result, sender=sender, recipients=recipients, report_url=workspace.report_address(run_id)
        )
        where = mail.send(message, workspace.outbox, run_id, deliver)
        store.save_alert(
            Alert(
                run_id=run_id,
                sent_at=datetime.now(UTC),
                channel="outbox" if deliver is None else "e-mail",
                recipients=list(recipients),
                subject=message["Subject"],
                where=where,
            )
        )
    return where


def conclude(workspace: Workspace, run_id: str) -> Verdict:
    """The verdict of a run.

    Raises:
        BadInputError: no such run.
    """
    with Store.open(workspace.results_url) as store:
        verdicts = {each.scenario: each.verdict for each in store.verdicts(run_id)}
        planned = store.run(run_id).scenarios
    return overall([verdicts.get(scenario, Verdict.INVALID) for scenario in planned])


def document(workspace: Workspace, run_id: str) -> ResultsDocument:
    """The whole run, as the reports are written from it."""
    with Store.open(workspace.results_url) as store:
        return store.document(run_id)


def approve(workspace: Workspace, run_id: str, *, why: str, scenarios: Sequence[str] | None = None) -> list[str]:
    """Make a run's measurements the baseline. Returns the scenarios approved.

    Raises:
        BadInputError: no such run, or nothing in it that can be a baseline.
    """
    with Store.open(workspace.results_url) as store:
        approved = store.approve(run_id, approved_by=getpass.getuser(), why=why, scenarios=scenarios)
    if not approved:
        raise BadInputError(f"run {run_id}: no valid measurement in it, so it can't be a baseline; choose another.")
    return approved


def _check_target(target: Target, scenarios: Sequence[Scenario]) -> None:
    target.check_alive()
    requests = (first_request(scenario) for scenario in scenarios)
    for path in dict.fromkeys(request.path for request in requests if request is not None):
        target.check_admitted(path)


def _generator(processes: int) -> str:
    """Host, version and processes of the generator: the part of a run's fingerprint that tells what made the load."""
    name = f"{os.environ.get('LOADTASKS_GENERATOR') or socket.gethostname()}, loadtasks {__version__}"
    return name if processes == 1 else f"{name}, {processes} processes"


def _calibration(store: Store, run: Run) -> Calibration:
    """What the generator can do on this host: measured before the first scenario that the run has measured here."""
    host = socket.gethostname()
    known = run.calibrations.get(host)
    if known is None:
        known = calibrate()
        store.save_calibration(run.id, host, known)
    return known


def _death(target: Target, scenario: str) -> str | None:
    """What is said of a target that no longer answers after a scenario; None when it does."""
    try:
        target.check_alive()
    except TargetUnavailableError as error:
        return (
            f"the target stopped answering while {scenario} was measured; what it showed is kept, not judged: {error}"
        )
    return None


def _rescue(run_id: str, measurements: Sequence[Measurement]) -> Path:
    """Write measurements where the results database could not take them."""
    directory = Path(tempfile.mkdtemp(prefix=f"loadtasks-{run_id}-"))
    for number, measurement in enumerate(measurements):
        (directory / f"{number}.json").write_text(measurement.model_dump_json(indent=1), encoding="utf-8")
    return directory
