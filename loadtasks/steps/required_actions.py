"""What people are asked to decide in Airflow, what they answered, and what others decided meanwhile."""

from collections.abc import Collection, Sequence

from loadtasks.errors import BadInputError
from loadtasks.plain_text import plain
from loadtasks.report.required_action import CHOICES, ActionOutcome, RegressedScenario, RequiredAction, outcome
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import RegressionShift
from loadtasks.results.regression import MovePlace, Regression, RegressionState, grouped
from loadtasks.results.regression_topics import kept_findings
from loadtasks.results.store import Store
from loadtasks.steps.run_context import RunContext
from loadtasks.steps.triage import move_regression

MAX_REASON = 1_000
"""Characters of a reason that are kept."""


def undecided_regressions(context: RunContext, run_id: str) -> list[list[Regression]]:
    """The open regressions of a run's service, those that people know by one id together, newest first.

    Raises:
        BadInputError: no such run, or the results database can't be read.
    """
    with Store.open(context.workspace.results_url) as store:
        groups = grouped(store.regressions.all(store.run(run_id).service, ended=False))
    return [members for members in groups if any(member.state is RegressionState.OPEN for member in members)]


def required_action(context: RunContext, number: int) -> RequiredAction | ActionOutcome:
    """What a person has to decide about a regression, or what became of it where there is nothing to decide any more.

    Raises:
        BadInputError: the results database can't be read.
    """
    with Store.open(context.workspace.results_url) as store:
        members = _members(store, number)
        became = outcome(number, members)
        if became is not None:
            return became
        open_ones = [member for member in members if member.state is RegressionState.OPEN]
        return RequiredAction(
            number=number,
            service=open_ones[0].service,
            scenarios=[_scenario(store, member) for member in open_ones],
            found_run=open_ones[0].found_run,
        )


def action_outcomes(context: RunContext, numbers: Collection[int]) -> list[ActionOutcome]:
    """What became of those regressions of these ids about which nobody has to decide any more.

    Raises:
        BadInputError: the results database can't be read.
    """
    with Store.open(context.workspace.results_url) as store:
        became = [outcome(number, _members(store, number)) for number in numbers]
    return [one for one in became if one is not None]


def apply_response(context: RunContext, number: int, option: str, *, who: str, why: str) -> ActionOutcome:
    """Decide about a regression as a person has chosen in Airflow, unless it was decided elsewhere meanwhile.

    Args:
        context: what all steps share.
        number: its id.
        option: one of `CHOICES`; anything else changes nothing.
        who: the name of the person.
        why: the reason, in that person's words.

    Returns:
        What became of it, whoever decided.

    Raises:
        BadInputError: the decision can't be kept, and people have to decide again.
    """
    current = required_action(context, number)
    if isinstance(current, ActionOutcome):
        return current
    if option not in CHOICES:
        raise BadInputError(f"regression {number} is still open, and {plain(option)!r} is no decision about it.")
    reason = plain(why[: 4 * MAX_REASON])[:MAX_REASON]
    try:
        move_regression(context, number, CHOICES[option].state, who=who, why=reason, place=MovePlace.REQUIRED_ACTION)
    except BadInputError:
        if not action_outcomes(context, [number]):  # else somebody was quicker
            raise
    (became,) = action_outcomes(context, [number])
    return became


def _members(store: Store, number: int) -> Sequence[Regression]:
    """The regressions that are known by an id; none where it was deleted."""
    return store.regressions.group_of(number) if store.regressions.has(number) else []


def _scenario(store: Store, regression: Regression) -> RegressedScenario:
    """What the run that found a regression says of it; what is kept of it where that run is gone."""
    judged = store.verdicts(regression.found_run) if store.has_run(regression.found_run) else []
    found = [
        finding
        for verdict in judged
        if verdict.scenario == regression.scenario
        for finding in verdict.findings
        if finding.part == regression.part
    ]
    shifts = [finding for finding in found if isinstance(finding.parameters, RegressionShift)]
    if not shifts:
        first = regression.first_run
        since = store.run(first).started_at if store.has_run(first) else regression.moves[0].at
        shifts = list(kept_findings(regression, since))
    return RegressedScenario(
        regression=regression,
        changes=[_without_id(finding) for finding in shifts],
        causes=[finding for finding in found if finding.kind is FindingKind.DIAGNOSIS],
    )


def _without_id(finding: Finding) -> Finding:
    """A change without the id of its regression, which the reader knows."""
    parameters = finding.parameters.model_copy(update={"regression": None, "found_run": None})
    return finding.model_copy(update={"parameters": parameters})
