"""A run of the pipeline, step by step, as the command line makes it."""

from loadtasks import steps
from loadtasks.results.judgement import Verdict
from loadtasks.steps import RunContext


def run_pipeline(context: RunContext, run_id: str, trigger: str) -> Verdict:
    """Measure all scenarios, repeat what is due, judge, and compare; no report is written, and no mail sent."""
    steps.open_run(context, run_id=run_id, trigger=trigger)
    for scenario in steps.scenarios_to_measure(context, run_id):
        steps.measure(context, run_id, scenario)
    for scenario in steps.repetitions_due(context, run_id):
        steps.confirm(context, run_id, scenario)
    steps.judge(context, run_id)
    return steps.compare(context, run_id)
