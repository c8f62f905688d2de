"""What a person may decide about a regression, once for the command line, the pages and the required actions."""

from dataclasses import dataclass

from loadtasks.results.regression import RegressionState


@dataclass(frozen=True)
class DecisionChoice:
    """One of the things that a person may decide about a regression."""

    name: str
    """Its name on the command line, in a form, and in Airflow's required actions."""
    label: str
    """The words of its button."""
    state: RegressionState
    """The state that it leads to."""
    meaning: str
    """What it does, for whoever has to choose."""
    done: str
    """What was done, for whoever has chosen."""


DECISIONS = (
    DecisionChoice(
        "acknowledge",
        "Acknowledge",
        RegressionState.ACKNOWLEDGED,
        "Somebody works on it: its runs no longer fail and are reported as a known regression.",
        "Acknowledged: runs that show it no longer fail.",
    ),
    DecisionChoice(
        "accept",
        "Accept as baseline",
        RegressionState.ACCEPTED,
        "It is the new normal: a new baseline begins with its first run.",
        "Accepted: a new baseline begins with its first run.",
    ),
    DecisionChoice(
        "fix",
        "Fixed",
        RegressionState.FIXED,
        "It is fixed: its runs until now don't belong to the baseline. Runs that are back to normal show that too.",
        "Fixed: its runs are no part of the baseline.",
    ),
    DecisionChoice(
        "dismiss",
        "Dismiss",
        RegressionState.DISMISSED,
        "It was a false alarm: its runs belong to the baseline like any others, and for some time a change needs more "
        "evidence.",
        "Dismissed: its runs belong to the baseline.",
    ),
    DecisionChoice(
        "reopen",
        "Reopen",
        RegressionState.OPEN,
        "It was accepted automatically, and is no new normal: it is open as before, and never accepted automatically "
        "again.",
        "Reopened.",
    ),
)
"""In the order in which they are offered."""


def choice_named(name: str) -> DecisionChoice | None:
    """The decision of a name; None where there is none."""
    return next((choice for choice in DECISIONS if choice.name == name), None)


def notice_of(name: str) -> str:
    """What was done, by the name of a decision; empty where there is no such decision."""
    choice = choice_named(name)
    return choice.done if choice is not None else ""
