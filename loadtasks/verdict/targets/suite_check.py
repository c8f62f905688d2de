"""Suites tried on made-up rows before any load is sent: what would stop the judging is named by file."""

import difflib
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from loadtasks.errors import BadInputError
from loadtasks.measurement.model import Measurement
from loadtasks.scenarios.model import Scenario
from loadtasks.verdict.targets import conditions
from loadtasks.verdict.targets.checked_suites import CheckedSuites
from loadtasks.verdict.targets.evaluation import Outcome, SuiteRows, evaluate, fulfilling
from loadtasks.verdict.targets.rows import TargetRow, endpoints_of, made_up_rows
from loadtasks.verdict.targets.suites import BETWEEN, EVERY_MEASUREMENT, Expectation, Suite

log = logging.getLogger(__name__)

_RUN_NAME = "made-up"
_CONDITIONS = ("row_condition", "condition_parser")


def check_suites(
    suites: Sequence[Suite],
    scenarios: Mapping[str, Scenario],
    measurements: Sequence[Measurement] = (),
    known: CheckedSuites | None = None,
) -> None:
    """Check that each suite can be evaluated, and that it and its conditions fit some scenario.

    Args:
        suites: what is checked.
        scenarios: all of the workspace, whichever of them a run measures.
        measurements: of a run that is judged again, whose scenarios may be gone since.
        known: what was found to be right before, and is not tried again; what is right now is added.

    Raises:
        BadInputError: a suite whose name looks like a misspelt endpoint, a condition that no scenario fulfils, or an
            expectation that Great Expectations doesn't know, refuses, or can't evaluate.
    """
    rows = tuple(made_up_rows(scenarios.values(), measurements))
    work = [SuiteRows(suite, _rows_of(suite, rows)) for suite in _used(suites, endpoints_of(rows))]
    if not work or (known is not None and known.has(work)):
        return  # the import of Great Expectations takes seconds
    for judged, outcomes in evaluate(work, _RUN_NAME).outcomes:
        for outcome in outcomes:
            _check_evaluated(outcome)
            if outcome.condition is not None:
                _check_condition(outcome, judged.rows, rows)
        _check_variants(judged, outcomes)
    if known is not None:
        known.add(work)


def _rows_of(suite: Suite, rows: tuple[TargetRow, ...]) -> tuple[TargetRow, ...]:
    if suite.name == EVERY_MEASUREMENT:
        return rows
    return tuple(row for row in rows if row.endpoint == suite.name)


def _used(suites: Sequence[Suite], endpoints: Sequence[str]) -> list[Suite]:
    """The suites that some scenario uses. One that none does is logged, or refused where it looks misspelt."""
    used = [suite for suite in suites if suite.name in (EVERY_MEASUREMENT, *endpoints)]
    names = {suite.name for suite in suites}
    without_suite = [name for name in (*endpoints, EVERY_MEASUREMENT) if name not in names]
    for suite in suites:
        if suite in used:
            continue
        problem = f"{suite.path}: no scenario has an endpoint {suite.name!r}, so this suite judges nothing"
        if similar := difflib.get_close_matches(suite.name, without_suite, n=1):
            raise BadInputError(
                f"{problem}; the endpoints are {_list(endpoints)}: rename it to {similar[0]}.json, or remove it."
            )
        log.warning("%s; rename or remove it, or name the folder of your suites with --expectations.", problem)
    return used


def _check_evaluated(outcome: Outcome) -> None:
    if outcome.problem is not None:
        location = outcome.expectation.location
        raise BadInputError(f"{location}: Great Expectations can't evaluate it: {outcome.problem}.")


def _check_condition(outcome: Outcome, own: tuple[TargetRow, ...], all_rows: tuple[TargetRow, ...]) -> None:
    """Check that a condition names labels that exist, and that some row can fulfil it, whatever its metrics are."""
    condition = outcome.condition or ""
    location = f"{outcome.expectation.location}: kwargs.row_condition `{condition}`"
    for column, label in conditions.named_labels(condition, TargetRow.LABELS):
        known = list(dict.fromkeys(row.labels[column] for row in all_rows))
        if label not in known:
            raise BadInputError(
                f"{location} names {column} {label!r}, which doesn't exist; name one of {_list(known)}."
            )
    demanded = conditions.known_part(condition, TargetRow.LABELS)
    if demanded is not None and not fulfilling(demanded, own):
        raise BadInputError(
            f"{location} is fulfilled by none of the measurements that the suite judges, so it would judge nothing; "
            f"they are {_list([row.label for row in own])}."
        )


def _check_variants(work: SuiteRows, outcomes: Sequence[Outcome]) -> None:
    """Try what is more than a comparison of one metric with numbers on other rows too, and render it."""
    unusual = [outcome for outcome in outcomes if outcome.expectation.type != BETWEEN]
    if not unusual:
        return
    whole = _suite_of(work.suite, [_unconditional(outcome) for outcome in unusual])
    for outcome in (outcome for variant in _variants(whole, work.rows) for outcome in variant):
        _check_evaluated(outcome)
    try:
        with tempfile.TemporaryDirectory(prefix="loadtasks-") as folder:
            suite = _suite_of(work.suite, [outcome.expectation for outcome in unusual])
            evaluated = evaluate([SuiteRows(suite, work.rows)], _RUN_NAME, Path(folder) / "data_docs")
    except OSError:  # no temporary folder: nothing is wrong with the suite
        return
    if evaluated.docs_problem is not None and not evaluated.docs_unwritable:
        raise BadInputError(
            f"{work.suite.path}: Great Expectations can't show it in its Data Docs: {evaluated.docs_problem}."
        )


def _variants(suite: Suite, rows: tuple[TargetRow, ...]) -> Iterator[Sequence[Outcome]]:
    """What comes out with all rows, with one, and where nothing was measured."""
    unmeasured = tuple(row.without_measured_values() for row in rows)
    variants = [rows, rows[:1], unmeasured, unmeasured[:1]]
    for _, outcomes in evaluate([SuiteRows(suite, variant) for variant in variants], _RUN_NAME).outcomes:
        yield outcomes


def _suite_of(suite: Suite, expectations: Sequence[Expectation]) -> Suite:
    return replace(suite, expectations=tuple(expectations))


def _unconditional(outcome: Outcome) -> Expectation:
    """An expectation without its condition, so that it is tried whichever rows fulfil that."""
    expectation = outcome.expectation
    kwargs = {name: value for name, value in expectation.kwargs.items() if name not in _CONDITIONS}
    return replace(expectation, raw=expectation.raw | {"kwargs": kwargs})


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(name or "'' (no part)" for name in names[:20])
    return f"{shown} and {len(names) - 20} more" if len(names) > 20 else shown  # noqa: PLR2004 - a readable number
