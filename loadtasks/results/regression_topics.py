"""Regressions as people hear of them: a topic for each, with what a run shows of it or what is kept of it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from loadtasks.results.document import ResultsDocument
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import RegressionShift
from loadtasks.results.findings.lifecycle import AcceptedAutomatically, AcceptedMetric
from loadtasks.results.regression import Regression, RegressionState, grouped
from loadtasks.results.run import RunPlace
from loadtasks.results.topic import Topic, TopicEvent, TopicKind


def unended_topics(
    document: ResultsDocument, regressions: Sequence[Regression], began: Mapping[str, datetime], later: Collection[str]
) -> Iterator[Topic]:
    """The regressions that have not ended, with what this run shows of them.

    Args:
        document: The results of this run.
        regressions: All of its service.
        began: When the runs of the service began.
        later: The runs that were opened after this one.
    """
    shown: dict[tuple[str, str, int | None], list[Finding]] = {}
    for result in document.scenarios:
        for finding in result.findings:
            if isinstance(finding.parameters, RegressionShift):
                key = (result.scenario, finding.part, finding.parameters.regression)
                shown.setdefault(key, []).append(finding)
    for members in grouped(regressions):
        unended = [one for one in members if not one.state.ended and one.found_run not in later]
        if unended:
            yield _regression_topic(members[0], unended, began, shown)


def accepted_topics(run_id: str, regressions: Sequence[Regression], began: Mapping[str, datetime]) -> Iterator[Topic]:
    """The regressions that a run has accepted since nobody had answered them.

    Args:
        run_id: The run.
        regressions: All of its service.
        began: When the runs of the service began.
    """
    for members in grouped(regressions):
        if accepted := [one for one in members if one.accepted_automatically_in == run_id]:
            yield _regression_topic(members[0], accepted, began)


def acceptance(regression: Regression, accepted_in: str, runs: Sequence[RunPlace]) -> Finding:
    """That a regression was accepted in a run because nobody had answered it."""
    order = [place.id for place in runs if regression.scenario in place.scenarios or place.id == accepted_in]
    found = order.index(regression.found_run) if regression.found_run in order else 0
    waited = order.index(accepted_in) - found if accepted_in in order else 0
    parameters = AcceptedAutomatically(
        regression=regression.id,
        found_run=regression.found_run,
        first_run=regression.first_run,
        runs=max(waited, 0),
        metrics=tuple(
            AcceptedMetric(metric=change.metric, before=change.before, ratio=change.ratio, errors=change.errors)
            for change in regression.changes
        ),
    )
    return Finding(code=FindingCode.ACCEPTED_AUTOMATICALLY, part=regression.part, parameters=parameters)


def _regression_topic(
    first: Regression,
    unended: Sequence[Regression],
    began: Mapping[str, datetime],
    shown: Mapping[tuple[str, str, int | None], Sequence[Finding]] | None = None,
) -> Topic:
    """A regression as people know it: of one scenario, or of several that shifted at once, of which it shows the first.

    Args:
        first: The one whose id people know.
        unended: Those that have not ended, or that ended in this run.
        began: When runs began.
        shown: What this run shows, by scenario, part and the id that people know; else it is as it was when found.
    """
    since = began.get(first.first_run, first.moves[0].at)
    unheard = [one for one in unended if one.state is not RegressionState.ACKNOWLEDGED]
    return Topic(
        kind=TopicKind.REGRESSION,
        event=TopicEvent.BEGAN,
        scenario=first.scenario,
        part=first.part,
        name=first.found_run,
        regression=first.id,
        scenarios=tuple(one.label for one in unended) if len(unended) > 1 else (),
        acknowledged_by=None if unheard else unended[0].moves[-1].who,
        since=since,
        since_run=first.first_run,
        findings=tuple(_as_regressions((shown or {}).get((first.scenario, first.part, first.id), [])))
        or kept_findings(first, since),
    )


def _as_regressions(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings of a regression, whether or not somebody has acknowledged it: one code, however it stands."""
    for finding in findings:
        if isinstance(finding.parameters, RegressionShift):
            parameters = RegressionShift.model_validate(finding.parameters.model_dump())
            yield finding.model_copy(update={"code": FindingCode.REGRESSION, "parameters": parameters})


def kept_findings(regression: Regression, since: datetime) -> tuple[Finding, ...]:
    """The findings of a regression that this run doesn't show, as it was when it was found."""
    return tuple(
        Finding(
            code=FindingCode.REGRESSION,
            part=regression.part,
            metric=change.metric,
            observed=change.before * change.ratio,
            limit=change.before,
            parameters=RegressionShift(
                ratio=change.ratio,
                low=change.low,
                high=change.high,
                first_run=regression.first_run,
                first_run_started_at=since,
                version_before=regression.version_before,
                version_after=regression.version_after,
                regression=regression.id,
                found_run=regression.found_run,
                errors=change.errors,
            ),
        )
        for change in regression.changes
    )
