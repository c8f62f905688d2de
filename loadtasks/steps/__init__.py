"""The flow of a run, step by step, and what people decide between runs.

In this order: `open_run`, `measure` for each of the `scenarios_to_measure`, `confirm` for each of the
`repetitions_due`, `judge`, `compare`, `write_report`, `alert`. What is due for a repetition may also be a first
measurement: of a scenario whose process died, say, or before which the target was restarting.

Each step takes a `RunContext` and a run id, reads what earlier steps kept, and keeps what it adds, so that every step
can run in a process of its own and be retried. The command line and Airflow call these and nothing else.
"""

from loadtasks.results.overdue_run import OverdueRun
from loadtasks.steps.alerting import RefusedRun, alert, alert_refusal, send_pending
from loadtasks.steps.browsing import (
    last_dag_run,
    listed_regressions,
    overview,
    regression_page,
    service_of_regression,
    service_of_run,
    services_of_dags,
)
from loadtasks.steps.browsing_comparison import compare_page, default_pair, run_on
from loadtasks.steps.browsing_runs import find_listed_run, listed_runs, refusal_of, run_page, run_scenario
from loadtasks.steps.browsing_scenario import ScenarioChoice, scenario_history, scenario_page, scenarios_of
from loadtasks.steps.commenting import NotPostedError, comment
from loadtasks.steps.compare_files import compare_files
from loadtasks.steps.confirm import confirm, repetitions_due
from loadtasks.steps.delivery import NotSentError
from loadtasks.steps.exercise import NotMeasuredAgainError
from loadtasks.steps.heartbeat import send_heartbeat
from loadtasks.steps.judging import compare, conclude, judge, judge_again, read_checked_suites
from loadtasks.steps.mail_server import Deliver, Receipt, SendingError, receipt, sending_error
from loadtasks.steps.measuring import measure
from loadtasks.steps.open_run import (
    check_measurable,
    check_slug,
    open_run,
    planned_scenarios,
    refusals,
    scenario_names,
    scenarios_to_measure,
)
from loadtasks.steps.overdue import alert_late, alert_late_runs, alert_missed
from loadtasks.steps.past_runs import LATEST, find_run, find_service
from loadtasks.steps.reporting import RunSummary, document, report_file, summarize, write_report
from loadtasks.steps.required_actions import (
    action_outcomes,
    apply_response,
    required_action,
    undecided_regressions,
)
from loadtasks.steps.rescue import NotKeptError, keep
from loadtasks.steps.retention import (
    OldRunsPlan,
    delete_run,
    give_back_space,
    plan_pruning,
    prune,
    prune_after,
    prune_all,
)
from loadtasks.steps.run_context import RunContext, configured_reference, configured_target
from loadtasks.steps.transfer import (
    ExportedResults,
    ImportedResults,
    MergedResults,
    Selection,
    export_results,
    import_results,
)
from loadtasks.steps.triage import ListedChanges, approve, backtest, current_user, known_changes, move_regression
from loadtasks.steps.trying import TestedChannel, send_test_messages
from loadtasks.steps.turns import TimeBudget, Turn
from loadtasks.steps.two_builds import BuildPair, exit_code_of_pair, not_compared, start_again, two_builds

__all__ = [
    "LATEST",
    "BuildPair",
    "Deliver",
    "ExportedResults",
    "ImportedResults",
    "ListedChanges",
    "MergedResults",
    "NotKeptError",
    "NotMeasuredAgainError",
    "NotPostedError",
    "NotSentError",
    "OldRunsPlan",
    "OverdueRun",
    "Receipt",
    "RefusedRun",
    "RunContext",
    "RunSummary",
    "ScenarioChoice",
    "Selection",
    "SendingError",
    "TestedChannel",
    "TimeBudget",
    "Turn",
    "action_outcomes",
    "alert",
    "alert_late",
    "alert_late_runs",
    "alert_missed",
    "alert_refusal",
    "apply_response",
    "approve",
    "backtest",
    "check_measurable",
    "check_slug",
    "comment",
    "compare",
    "compare_files",
    "compare_page",
    "conclude",
    "configured_reference",
    "configured_target",
    "confirm",
    "current_user",
    "default_pair",
    "delete_run",
    "document",
    "exit_code_of_pair",
    "export_results",
    "find_listed_run",
    "find_run",
    "find_service",
    "give_back_space",
    "import_results",
    "judge",
    "judge_again",
    "keep",
    "known_changes",
    "last_dag_run",
    "listed_regressions",
    "listed_runs",
    "measure",
    "move_regression",
    "not_compared",
    "open_run",
    "overview",
    "plan_pruning",
    "planned_scenarios",
    "prune",
    "prune_after",
    "prune_all",
    "read_checked_suites",
    "receipt",
    "refusal_of",
    "refusals",
    "regression_page",
    "repetitions_due",
    "report_file",
    "required_action",
    "run_on",
    "run_page",
    "run_scenario",
    "scenario_history",
    "scenario_names",
    "scenario_page",
    "scenarios_of",
    "scenarios_to_measure",
    "send_heartbeat",
    "send_pending",
    "send_test_messages",
    "sending_error",
    "service_of_regression",
    "service_of_run",
    "services_of_dags",
    "start_again",
    "summarize",
    "two_builds",
    "undecided_regressions",
    "write_report",
]
