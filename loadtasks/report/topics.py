"""What a message reports, in words: each topic by itself, also long after its run is gone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from loadtasks import units
from loadtasks.measurement.metrics import metric_label
from loadtasks.plain_text import plain
from loadtasks.report.findings import RenderedFinding
from loadtasks.report.headline import brief
from loadtasks.report.sentences import phrases
from loadtasks.report.sentences.lifecycle import creep_in_short
from loadtasks.report.text import label
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import BaselineShift, KnownRegression
from loadtasks.results.findings.lifecycle import AcceptedAutomatically, CreepDrift
from loadtasks.results.findings.reference import ReferenceShift
from loadtasks.results.judgement import Verdict
from loadtasks.results.topic import Topic, TopicKind

_MANY = 4
"""From so many scenarios on their number is given too."""
_ACKNOWLEDGE = "python -m loadtasks regressions acknowledge {id}"
_REOPEN = "python -m loadtasks regressions reopen {id}"


@dataclass(frozen=True)
class RenderedTopic:
    """A topic in words. `document` is the run that the message is about; None of a run that was never opened."""

    topic: Topic
    document: ResultsDocument | None = None

    @property
    def label(self) -> str:
        """What it is about: `regression 7, dashboard.concurrent`, `mixed.concurrent (sessions)`, `runs`."""
        if self.topic.kind is TopicKind.REFUSAL:
            return "runs"
        of = self.topic.regression
        return f"regression {of}, {self.scenario}" if of is not None else self.scenario

    @property
    def scenario(self) -> str:
        """Its scenario and part: `mixed.concurrent (sessions)`, `13 scenarios at once, as dashboard.concurrent`."""
        name = label(self.topic.scenario, self.topic.part)
        return f"{len(self.topic.scenarios)} scenarios at once, as {name}" if self.topic.scenarios else name

    @property
    def findings(self) -> list[RenderedFinding]:
        """What was found, the gravest first."""
        return [RenderedFinding(self._result, finding) for finding in self.topic.findings]

    @property
    def worst(self) -> RenderedFinding:
        """The finding that is farthest from what it should be."""
        return max(self.findings, key=lambda finding: finding.excess)

    @property
    def reason(self) -> str:
        """What is wrong, as a sentence without its full stop."""
        if self.topic.kind in (TopicKind.INVALID, TopicKind.REFUSAL):
            return "; ".join(finding.sentence for finding in self.findings)
        if self.topic.kind is TopicKind.REGRESSION:
            return f"{self.change}, since {phrases.moment(self.topic.since)}{self._versions}"
        worst = self.worst.finding
        if isinstance(worst.parameters, CreepDrift):
            return plain(creep_in_short(worst, worst.parameters))
        return plain(brief(self.worst).sentence)

    @property
    def in_short(self) -> str:
        """What is wrong, for a subject: `dashboard.concurrent p95 +38 % since 21 Nov`. It names no run."""
        worst = self.worst.finding
        parameters = worst.parameters
        if isinstance(parameters, BaselineShift) and parameters.errors is not None:
            said = f"{self.scenario} {phrases.error_step(parameters.errors)}"
        elif isinstance(parameters, BaselineShift | ReferenceShift):
            said = f"{self.scenario} {metric_label(worst.metric)} {units.change(parameters.ratio)}"
        else:
            named = "" if self.topic.kind is TopicKind.REFUSAL else f"{self.scenario}: "
            return without_run_ids(f"{named}{self.reason}", self.topic.findings)
        if isinstance(parameters, ReferenceShift):
            return f"{said} against the reference"
        return f"{said} since {phrases.day(self.topic.since)}"

    @property
    def acknowledge(self) -> str:
        """The command that acknowledges the regression; empty where there is none to acknowledge."""
        open_one = self.topic.regression is not None and self.topic.acknowledged_by is None
        return _ACKNOWLEDGE.format(id=self.topic.regression) if open_one else ""

    @property
    def still_open(self) -> str:
        """That it is not over: what, since when, and what is known of it, on one line without its full stop."""
        command = f"`{self.acknowledge}`" if self.acknowledge else ""
        return "; ".join(filter(None, (self.still_wrong, command)))

    @property
    def still_wrong(self) -> str:
        """The same without the command that acknowledges it."""
        return "; ".join(filter(None, (_STILL_OPEN[self.topic.kind](self), self._here)))

    @property
    def since(self) -> str:
        """When it began: `21 Nov 02:00`, with the run where it is known."""
        run = f" (run {plain(self.topic.since_run)})" if self.topic.since_run is not None else ""
        return f"{phrases.moment(self.topic.since)}{run}"

    @property
    def metrics(self) -> str:
        """The metrics that it is about: `p50 and throughput`."""
        names = [metric_label(finding.metric) for finding in self.topic.findings if finding.metric]
        return phrases.listed(list(dict.fromkeys(names)))

    @property
    def change(self) -> str:
        """How far the worst metric moved: `p50 rose 38 %, 121 ms → 167 ms`; empty where no change was measured."""
        finding = self.worst.finding
        if not isinstance(finding.parameters, BaselineShift | ReferenceShift):
            return ""
        if isinstance(finding.parameters, BaselineShift) and finding.parameters.errors is not None:
            return phrases.error_change(finding.parameters.errors)
        values = phrases.from_to(finding.metric, finding.limit, finding.observed)
        return f"{phrases.change(metric_label(finding.metric), finding.parameters.ratio)}, {values}"

    @property
    def _versions(self) -> str:
        """The target's versions on both sides of a change: ` (version 1.4.1 → 1.4.2)`; empty where unknown."""
        shift = self.worst.finding.parameters
        if not isinstance(shift, BaselineShift) or shift.version_after is None:
            return ""
        before, after = shift.version_before, plain(shift.version_after)
        if before is None:
            return f" (version {after})"
        return f" (version {after} unchanged)" if before == after else f" (version {plain(before)} → {after})"

    @property
    def _result(self) -> ScenarioResult:
        """The scenario in this run; a stand-in where the run doesn't have it."""
        results = self.document.scenarios if self.document is not None else []
        name = self.topic.scenario
        stand_in = ScenarioResult(scenario=name, endpoint=name.partition(".")[0], verdict=Verdict.INVALID)
        return next((result for result in results if result.scenario == name), stand_in)

    @property
    def _here(self) -> str:
        """What this run says of something that was reported before; empty where it shows it."""
        if self.document is None or self.topic.kind is TopicKind.REFUSAL:
            return ""
        result = next((one for one in self.document.scenarios if one.scenario == self.topic.scenario), None)
        if result is None:
            return "not measured in this run"
        if result.verdict is Verdict.INVALID:
            return "" if self.topic.kind is TopicKind.INVALID else "not measured validly in this run"
        return "back to normal in this run" if _is_recovering(result, self.topic.regression) else ""


def _is_recovering(result: ScenarioResult, regression: int | None) -> bool:
    return any(
        finding.code is FindingCode.RECOVERING
        and isinstance(finding.parameters, KnownRegression)
        and finding.parameters.regression == regression
        for finding in result.findings
    )


def _open_target(rendered: RenderedTopic) -> str:
    return f"{rendered.label}: {rendered.reason}; missed since {rendered.since}"


def _open_invalid(rendered: RenderedTopic, scenarios: str = "") -> str:
    return f"{scenarios or rendered.label}: invalid since {rendered.since}: {rendered.reason}"


def _open_regression(rendered: RenderedTopic) -> str:
    who = rendered.topic.acknowledged_by
    acknowledged = f"; acknowledged by {plain(who)}" if who is not None else ""
    return f"{rendered.label}: {rendered.change}, since {rendered.since}{acknowledged}"


def _open_reference(rendered: RenderedTopic) -> str:
    return f"{rendered.label}: {rendered.change}, worse than the reference since {rendered.since}"


def _open_refusal(rendered: RenderedTopic) -> str:
    return f"no run could be opened since {rendered.since}: {rendered.reason}"


_STILL_OPEN: Mapping[TopicKind, Callable[[RenderedTopic], str]] = {
    TopicKind.TARGET: _open_target,
    TopicKind.INVALID: _open_invalid,
    TopicKind.REGRESSION: _open_regression,
    TopicKind.REFERENCE: _open_reference,
    TopicKind.REFUSAL: _open_refusal,
}


def without_run_ids(text: str, findings: Iterable[Finding]) -> str:
    """A text without the ids of the runs that findings name."""
    ids = {
        value
        for finding in findings
        for name, value in finding.parameters.model_dump().items()
        if isinstance(value, str) and value and (name == "run_id" or name.endswith("_run"))
    }
    for run_id in sorted(ids, key=len, reverse=True):
        text = (
            text.replace(f" (run {run_id})", "").replace(f"run {run_id}", "another run").replace(run_id, "another run")
        )
    return text


def over_in_short(topics: Sequence[RenderedTopic]) -> str:
    """What is over first of all, for a subject: `dashboard.concurrent p95 is back to normal`."""
    first = min(topics, key=lambda topic: _ORDER_OF_OVER.index(topic.topic.kind))
    if first.topic.kind is not TopicKind.REGRESSION:
        group = [one for one in topics if one.topic.kind is first.topic.kind]
        together = (
            group if first.topic.kind is TopicKind.INVALID else [one for one in group if one.label == first.label]
        )
        return _OVER[first.topic.kind](together)
    finding = first.worst.finding
    if isinstance(finding.parameters, AcceptedAutomatically):
        changes = [f"{metric_label(one.metric)} {units.change(one.ratio)}" for one in finding.parameters.metrics[:1]]
        return f"{first.scenario} {''.join(changes)} was accepted automatically: nobody answered it"
    what = "error rate" if getattr(finding.parameters, "errors", None) is not None else metric_label(finding.metric)
    return f"{first.scenario} {what} is back to normal"


def lines_of_open(topics: Iterable[RenderedTopic]) -> list[str]:
    """What is still open, a line each; scenarios that have been invalid together, for one reason, on one line."""
    lines: dict[object, list[RenderedTopic]] = {}
    for number, topic in enumerate(topics):
        together = topic.topic.kind is TopicKind.INVALID
        lines.setdefault((topic.since, topic.reason) if together else number, []).append(topic)
    return [
        group[0].still_open if len(group) == 1 else _open_invalid(group[0], _scenarios(group))
        for group in lines.values()
    ]


def lines_of_over(topics: Sequence[RenderedTopic]) -> list[str]:
    """What is over, regressions first; the targets of a scenario, and all scenarios measured again, on one line."""
    lines: dict[tuple[TopicKind, str], list[RenderedTopic]] = {}
    for topic in sorted(topics, key=lambda topic: _ORDER_OF_OVER.index(topic.topic.kind)):
        kind = topic.topic.kind
        lines.setdefault((kind, "" if kind is TopicKind.INVALID else topic.label), []).append(topic)
    return [_OVER[kind](group) for (kind, _), group in lines.items()]


def _scenarios(topics: Sequence[RenderedTopic]) -> str:
    """The scenarios of topics: `a and b`, `all 13 scenarios`, `5 scenarios (a, b, c, d and e)`."""
    names, document = [topic.label for topic in topics], topics[0].document
    if document is not None and len(names) == len(document.scenarios) > 1:
        return f"all {len(names)} scenarios"
    return phrases.listed(names) if len(names) < _MANY else f"{len(names)} scenarios ({phrases.listed(names)})"


def _met_again(topics: Sequence[RenderedTopic]) -> str:
    metrics = phrases.listed(list(dict.fromkeys(topic.metrics for topic in topics if topic.metrics)))
    return f"{topics[0].label} meets its {'target' if len(topics) == 1 else 'targets'} for {metrics or 'it'} again"


def _measured_again(topics: Sequence[RenderedTopic]) -> str:
    return f"{_scenarios(topics)} could be measured again"


def _accepted(rendered: RenderedTopic) -> str:
    """`regression 7 was accepted automatically: nobody answered it in 30 runs (dashboard.concurrent: ...); ...`."""
    topic, parameters = rendered.topic, rendered.worst.finding.parameters
    changes, runs = "", "many runs"
    if isinstance(parameters, AcceptedAutomatically):
        runs = units.plural(parameters.runs, "run")
        changes = ", ".join(
            phrases.error_step(one.errors)
            if one.errors is not None
            else f"{metric_label(one.metric)} {units.change(one.ratio)}"
            for one in parameters.metrics
        )
    return (
        f"regression {topic.regression} was accepted automatically: nobody answered it in {runs} "
        f"({rendered.scenario}: {changes} since {phrases.moment(topic.since)}); "
        f"`{_REOPEN.format(id=topic.regression)}` takes that back"
    )


def _ended(topics: Sequence[RenderedTopic]) -> str:
    """`regression 7 is over: dashboard.concurrent is back to normal (p50 was +38 % since 21 Nov 02:00)`."""
    topic, worst = topics[0].topic, topics[0].worst.finding
    if topic.code is FindingCode.ACCEPTED_AUTOMATICALLY:
        return _accepted(topics[0])
    was = ""
    if isinstance(worst.parameters, BaselineShift):
        errors = worst.parameters.errors
        change = f"{metric_label(worst.metric)} was {units.change(worst.parameters.ratio)}"
        if errors is not None:
            change = f"the error rate was {units.error_rates(errors.rate)[0]}"
        was = f" ({change} since {phrases.moment(topic.since)})"
    return f"regression {topic.regression} is over: {label(topic.scenario, topic.part)} is back to normal{was}"


def _as_good_as_the_reference(topics: Sequence[RenderedTopic]) -> str:
    metrics = phrases.listed([topic.metrics for topic in topics])
    return f"{topics[0].label} is no longer worse than the reference ({metrics})"


def _opened_again(_: Sequence[RenderedTopic]) -> str:
    return "runs can be opened again"


_OVER: Mapping[TopicKind, Callable[[Sequence[RenderedTopic]], str]] = {
    TopicKind.REGRESSION: _ended,
    TopicKind.REFERENCE: _as_good_as_the_reference,
    TopicKind.TARGET: _met_again,
    TopicKind.INVALID: _measured_again,
    TopicKind.REFUSAL: _opened_again,
}
_ORDER_OF_OVER = list(_OVER)
