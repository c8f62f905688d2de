"""What a person reads who is asked about a regression in Airflow: what got slower, since when, how much, and why.

Airflow shows the subject as text and the body as Markdown. Whatever a target or a file has named is inert in it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from loadtasks import units
from loadtasks.measurement.metrics import metric_label
from loadtasks.plain_text import plain
from loadtasks.report.decisions import DECISIONS
from loadtasks.report.inert_text import code, inert
from loadtasks.report.listings import render_changes
from loadtasks.report.sentences import next_step, phrases, sentence
from loadtasks.results.findings.codes import Likelihood
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import BaselineShift
from loadtasks.results.regression import MetricChange, MovePlace, Regression, RegressionState

CHOICES = {
    choice.name: choice for choice in DECISIONS if choice.state not in (RegressionState.FIXED, RegressionState.OPEN)
}
"""What a person may choose here, by name; the others are for the page and the command line."""
_OTHER = {RegressionState.FIXED: "fixed", RegressionState.OPEN: "reopen"}
OVER = "over"
"""What stands in place of a choice where nobody has to decide any more."""
_MAX_SCENARIOS = 10
_MAX_CAUSES = 5
_MAX_SUBJECT = 200
_MAX_LINE = 800


@dataclass(frozen=True)
class RegressedScenario:
    """One scenario or part of a regression."""

    regression: Regression
    changes: Sequence[Finding]
    """How far its metrics moved."""
    causes: Sequence[Finding]


@dataclass(frozen=True)
class RequiredAction:
    """A regression that a person has to decide about."""

    number: int
    """The id that people know it by."""
    service: str
    scenarios: Sequence[RegressedScenario]
    """Those that are still open: several, where most scenarios shifted at once."""
    found_run: str
    """The id of the run that found it."""


@dataclass(frozen=True)
class ActionOutcome:
    """What became of a regression that people were asked about."""

    number: int
    option: str
    """`acknowledge`, `accept`, `dismiss`, `fixed`, or `over`."""
    who: str
    """Who decided; the pipeline's own name where nobody did."""
    why: str
    sentence: str
    """Who decided what, when, where and why, without its full stop."""


def subject_line(action: RequiredAction) -> str:
    """`dashboard.concurrent: p95 rose 38 % since 21 Nov 02:00 (regression 7 of shop)`: lists cut its end off."""
    first = action.scenarios[0]
    number = len(action.scenarios)
    name = f"{number} scenarios at once, as {first.regression.label}" if number > 1 else first.regression.label
    change = _worst(first.regression.changes)
    how = (
        phrases.error_change(change.errors)
        if change.errors is not None
        else phrases.change(metric_label(change.metric), change.ratio)
    )
    shifts = [one.parameters for one in first.changes if isinstance(one.parameters, BaselineShift)]
    since = f" since {phrases.moment(min(one.first_run_started_at for one in shifts))}" if shifts else ""
    line = plain(f"{name}: {how}{since} (regression {action.number} of {action.service})")
    return line if len(line) <= _MAX_SUBJECT else f"{line[: _MAX_SUBJECT - 1].rstrip()}…"


def render_body(action: RequiredAction, pages: str, *, again: bool = False) -> str:
    """The whole as Markdown.

    Args:
        action: what is asked.
        pages: the path below which the pages of the pipeline are served, such as `/performance`.
        again: whether it was asked before, and the decision could not be kept.
    """
    regression = _link(f"Regression {action.number}", f"{pages}/regressions/{action.number}")
    run = _link(code(action.found_run), f"{pages}/runs/{action.found_run}")
    found = f"{regression}, found by run {run}: charts, evidence and the timeline of decisions."
    options = "\n".join(f"- **{choice.name}**: {choice.meaning}" for choice in CHOICES.values())
    elsewhere = (
        "If it is **fixed**, say so on the page of the regression, or by "
        f"`python -m loadtasks regressions fix {action.number}`; runs that are back to normal show it by themselves. "
        "A decision there, or on the command line, ends this action."
    )
    lost = ["**The last decision could not be kept**: the log of the try before this one says why."] if again else []
    return "\n\n".join([*lost, *_scenarios(action.scenarios), found, options, elsewhere])


def outcome(number: int, members: Sequence[Regression]) -> ActionOutcome | None:
    """What became of a regression; None where a person still has to decide.

    Args:
        number: the id under which people were asked.
        members: the regressions that are known by one id now, the one that gives it first; none where it was deleted.
    """
    automatic = MovePlace.PIPELINE.value
    if not members:
        why = "its runs were deleted, or judged again without it"
        return ActionOutcome(number, OVER, automatic, why, f"regression {number} is gone: {why}")
    if members[0].id != number:
        why = f"it is part of regression {members[0].id}, which most scenarios share"
        return ActionOutcome(number, OVER, automatic, why, f"regression {number} ended here: {why}")
    if any(member.state is RegressionState.OPEN for member in members):
        return None
    last = max((member.moves[-1] for member in members), key=lambda move: move.at)
    named = {choice.state: name for name, choice in CHOICES.items()} | _OTHER
    why = f": {last.why}" if last.why else ""
    how = "automatically" if last.place is MovePlace.PIPELINE else f"by {last.who} ({last.place.value})"
    said = f"regression {number} was {last.state.value} {how} on {last.at:%Y-%m-%d %H:%M} UTC{why}"
    return ActionOutcome(number, named[last.state], last.who, last.why, plain(said))


def _scenarios(scenarios: Sequence[RegressedScenario]) -> Iterator[str]:
    for scenario in scenarios[:_MAX_SCENARIOS]:
        others = [one for one in scenario.regression.changes if one.metric != scenario.changes[0].metric]
        also = f" Also {inert(render_changes(others), _MAX_LINE)}." if others else ""
        yield f"▲ {code(scenario.regression.label)}: {inert(_sentence(scenario.changes[0]), _MAX_LINE)}.{also}"
        yield from (_cause(finding) for finding in scenario.causes[:_MAX_CAUSES])
    more = len(scenarios) - _MAX_SCENARIOS
    if more > 0:
        yield f"… and {units.plural(more, 'more scenario')}."


def _sentence(finding: Finding) -> str:
    return sentence(finding).rstrip(".")


def _cause(finding: Finding) -> str:
    title = "Possible cause" if finding.likelihood is Likelihood.POSSIBLE else "Likely cause"
    step = next_step(finding).rstrip(".")
    return f"**{title}**: {inert(_sentence(finding), _MAX_LINE)}.{f' Next: {inert(step, _MAX_LINE)}.' if step else ''}"


def _worst(changes: Sequence[MetricChange]) -> MetricChange:
    """The change that is farthest from none."""
    return max(changes, key=lambda one: max(one.ratio, 1 / one.ratio) if one.ratio > 0 else 0.0)


def _link(markdown: str, path: str) -> str:
    """A link within Airflow's own address, whatever characters the path has."""
    return f"[{markdown}](<{quote(path)}>)"
