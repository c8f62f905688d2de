"""Responses to required actions, and what was decided elsewhere meanwhile."""

from pathlib import Path

import pytest

from loadtasks import steps
from loadtasks.errors import BadInputError
from loadtasks.report.required_action import ActionOutcome, RequiredAction
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.regression import AUTOMATIC, MovePlace, Regression, RegressionState
from tests.loadtasks.report.sentences.examples import EXAMPLES
from tests.stored_runs import DASHBOARD, SESSIONS, ServiceLife, regression
from tests.workspaces import context_of


@pytest.fixture
def life(tmp_path: Path) -> ServiceLife:
    """One run that has found two regressions, of different scenarios, and knows the cause of the first."""
    life = ServiceLife(context_of(var=tmp_path))
    life.run({DASHBOARD: [EXAMPLES[FindingCode.PHASE_SLOW]], SESSIONS: []})
    found(life, regression("day-1"), regression("day-1", SESSIONS))
    return life


def found(life: ServiceLife, *regressions: Regression) -> None:
    with life.store as store:
        store.regressions.save(regressions[0].found_run, regressions)


def respond(life: ServiceLife, option: str, why: str = "TLS", who: str = "ann", number: int = 1) -> ActionOutcome:
    return steps.apply_response(life.context, number, option, who=who, why=why)


def test_the_action_has_what_the_run_said_of_it(life: ServiceLife) -> None:
    action = steps.required_action(life.context, 1)
    assert isinstance(action, RequiredAction)
    assert [one.regression.scenario for one in action.scenarios] == [DASHBOARD]
    assert [finding.code for finding in action.scenarios[0].causes] == [FindingCode.PHASE_SLOW]
    assert [finding.code for finding in action.scenarios[0].changes] == [FindingCode.REGRESSION]


def test_a_response_is_kept_with_its_place_and_a_reason_of_any_length(life: ServiceLife) -> None:
    assert respond(life, "dismiss", f"noise\n{'!' * 9000}").option == "dismiss"
    with life.store as store:
        last = store.regressions.find(1).moves[-1]
    assert (last.state, last.who, last.place) == (RegressionState.DISMISSED, "ann", MovePlace.REQUIRED_ACTION)
    assert last.why.startswith("noise !!!")
    assert len(last.why) == 1_000


def test_a_response_to_what_was_decided_elsewhere_changes_nothing(life: ServiceLife) -> None:
    steps.move_regression(life.context, 1, RegressionState.ACKNOWLEDGED, who="bob", why="index", place=MovePlace.PAGE)
    became = respond(life, "accept")
    assert (became.option, became.who, became.why) == ("acknowledge", "bob", "index")
    assert [one.number for one in steps.action_outcomes(life.context, [1, 2, 3])] == [1, 3]  # 3 never was


def test_what_can_not_be_kept_is_asked_again(life: ServiceLife) -> None:
    with pytest.raises(BadInputError, match="no decision"):
        respond(life, "explode")
    life.dashboard()
    found(life, regression("day-2", "mixed.concurrent", first_run="deleted"))
    with pytest.raises(BadInputError, match="which was deleted"):
        respond(life, "accept", number=3)
    assert isinstance(steps.required_action(life.context, 3), RequiredAction)


def test_scenarios_that_shifted_at_once_are_one_action(life: ServiceLife) -> None:
    with life.store as store:
        store.regressions.join([1, 2], "day-1")
    (members,) = steps.undecided_regressions(life.context, "day-1")
    assert [member.id for member in members] == [1, 2]
    assert [one.number for one in steps.action_outcomes(life.context, [1, 2])] == [2]
    respond(life, "acknowledge")
    assert steps.undecided_regressions(life.context, "day-1") == []


def test_nobody_passes_for_the_pipeline(life: ServiceLife) -> None:
    assert respond(life, "acknowledge", who=AUTOMATIC).who == f"user {AUTOMATIC}"
