"""The words of a required action, and of what became of it."""

from datetime import datetime, timedelta

import pytest

from loadtasks.report.required_action import (
    OVER,
    RegressedScenario,
    RequiredAction,
    outcome,
    render_body,
    subject_line,
)
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.regression import AUTOMATIC, Move, MovePlace, Regression, RegressionState
from loadtasks.results.regression_topics import kept_findings
from tests.loadtasks.report.sentences.examples import EXAMPLES
from tests.measurements import STARTED_AT
from tests.stored_runs import regression

NOON = datetime.fromisoformat("2026-11-29T12:00:00+00:00")


def known(number: int, *moves: Move, scenario: str = "dashboard.concurrent") -> Regression:
    opened = regression("run-1", scenario)
    return opened.model_copy(update={"id": number, "moves": [*opened.moves, *moves]})


def decided(state: RegressionState, who: str, place: MovePlace, why: str = "", hours: int = 0) -> Move:
    return Move(state=state, at=NOON + timedelta(hours=hours), who=who, why=why, place=place)


def action(*regressions: Regression, causes: int = 0) -> RequiredAction:
    scenarios = [
        RegressedScenario(one, kept_findings(one, STARTED_AT), [EXAMPLES[FindingCode.PHASE_SLOW]] * causes)
        for one in regressions
    ]
    return RequiredAction(number=7, service="shop", scenarios=scenarios, found_run="run 1/a")


def test_several_scenarios_are_one_subject_and_one_text() -> None:
    many = action(*(known(7 + number, scenario=f"scenario.{number}") for number in range(12)), causes=1)
    assert subject_line(many) == (
        "12 scenarios at once, as scenario.0: p50 rose 50 % since 24 Nov 02:00 (regression 7 of shop)"
    )
    body = render_body(many, "/base/performance")
    assert body.count("▲") == 10
    assert "… and 2 more scenarios." in body
    assert "**Likely cause**: " in body
    assert "(</base/performance/runs/run%201/a>)" in body


@pytest.mark.parametrize(
    ("members", "option", "sentence"),
    [
        ([known(7)], None, ""),
        ([], OVER, "regression 7 is gone: its runs were deleted, or judged again without it"),
        (
            [known(3), known(7)],
            OVER,
            "regression 7 ended here: it is part of regression 3, which most scenarios share",
        ),
        (
            [known(7, decided(RegressionState.ACKNOWLEDGED, "ann", MovePlace.PAGE, "index\nmissing"))],
            "acknowledge",
            "regression 7 was acknowledged by ann (page) on 2026-11-29 12:00 UTC: index missing",
        ),
        (
            [known(7, decided(RegressionState.FIXED, AUTOMATIC, MovePlace.PIPELINE, "recovered in run 9"))],
            "fixed",
            "regression 7 was fixed automatically on 2026-11-29 12:00 UTC: recovered in run 9",
        ),
        ([known(7, decided(RegressionState.FIXED, "ann", MovePlace.PAGE)), known(8)], None, ""),
        (
            [
                known(7, decided(RegressionState.DISMISSED, "bob", MovePlace.COMMAND_LINE, hours=2)),
                known(8, decided(RegressionState.FIXED, AUTOMATIC, MovePlace.PIPELINE, "recovered")),
            ],
            "dismiss",
            "regression 7 was dismissed by bob (command line) on 2026-11-29 14:00 UTC",
        ),
    ],
    ids=["open", "deleted", "joined another", "by a person", "by itself", "in part", "the last decision counts"],
)
def test_what_became_of_it(members: list[Regression], option: str | None, sentence: str) -> None:
    became = outcome(7, members)
    assert (became.option if became else None) == option
    assert (became.sentence if became else "") == sentence
