"""Regressions: what a scenario's nights say of tonight, told in findings, and what is kept of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from loadtasks import units
from loadtasks.measurement.model import METRICS, Measurement, metric
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import BaselineTooShort
from loadtasks.results.judgement import MetricComparison
from loadtasks.results.regression import AUTOMATIC, MetricChange, Move, Regression, RegressionState
from loadtasks.verdict.history.comparison import BaselineComparison
from loadtasks.verdict.history.detector import NEEDED, DetectorState
from loadtasks.verdict.history.replay import TAIL

NOT_COMPARED = "not compared: "
"""How every note begins that says why there is no comparison."""


@dataclass
class Compared:
    """What the nights of a scenario say of tonight, its whole and its parts."""

    comparisons: list[MetricComparison] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    """Of kind `regression`, `improvement`, or `history`."""
    found: list[Regression] = field(default_factory=list)
    """Regressions that nobody knew of."""
    recovered: list[int] = field(default_factory=list)
    """Ids of known ones that are gone."""
    before_run: str | None = None
    """The last run before a change, to explain it by."""


def compare(
    measurements: Sequence[Measurement],
    looks: Mapping[tuple[str, str], BaselineComparison],
    known: Sequence[Regression],
    moment: datetime,
) -> Compared:
    """Tell what the past says of one scenario's measurements.

    Args:
        measurements: The whole first, then its parts.
        looks: Tonight beside its past, by scenario and part.
        known: Regressions that have not ended.
        moment: When a new one is said to be opened.
    """
    compared = Compared()
    for measurement in measurements:
        look = looks.get((measurement.scenario, measurement.part))
        if look is None:
            continue
        ours = [
            regression
            for regression in known
            if (regression.scenario, regression.part) == (measurement.scenario, measurement.part)
        ]
        _tell(compared, measurement, look, ours[0] if ours else None, moment)
    return compared


def _tell(
    compared: Compared, measurement: Measurement, look: BaselineComparison, known: Regression | None, moment: datetime
) -> None:
    compared.comparisons += _comparisons(measurement, look)
    if not measurement.part:  # what is said of the whole need not be said of its parts
        compared.findings += _unjudged(look)
    regressed = _changes(look, DetectorState.REGRESSED)
    if regressed and known is None:
        known = _opened(measurement, look, regressed, moment)
        compared.found.append(known)
    elif known is not None and not regressed and _judged(look):
        compared.recovered.append(known.id)
        sentence = f"back at its level: what {known.found_run} found since {known.first_run} is gone"
        compared.findings.append(_note(sentence, measurement.part))
    if regressed and known is not None:
        compared.before_run = compared.before_run or _before(look)
        compared.findings += [_finding(measurement, look, change, known, regressed) for change in regressed.values()]
    compared.findings += [
        _finding(measurement, look, change, None, {}) for change in _changes(look, DetectorState.IMPROVED).values()
    ]
    suspected = [name for name, past in look.pasts.items() if past.judgement.state is DetectorState.SUSPECT]
    if suspected and not regressed:
        told = " and ".join(METRICS[name] for name in suspected)
        sentence = f"under suspicion, but not sure yet: {told}; the next nights will tell"
        compared.findings.append(_note(sentence, measurement.part))


def comparison(measurement: Measurement, name: str, before: float | None) -> MetricComparison | None:
    """A metric beside an earlier value of it; None where either is missing."""
    observed = metric(measurement, name)
    if observed is None or before is None:
        return None
    ratio = observed / before if before else None
    return MetricComparison(part=measurement.part, metric=name, observed=observed, baseline=before, ratio=ratio)


def _comparisons(measurement: Measurement, look: BaselineComparison) -> list[MetricComparison]:
    made = (comparison(measurement, name, look.level(name)) for name in look.pasts)
    return [each for each in made if each is not None]


def _unjudged(look: BaselineComparison) -> list[Finding]:
    """Why a run is not compared with a baseline."""
    needed = max((past.judgement.needed for past in look.pasts.values()), default=0)
    findings = []
    if look.not_comparable is not None:
        findings.append(Finding(code=FindingCode.NOT_COMPARABLE, parameters=look.not_comparable))
    if needed and len(look.series.points) < NEEDED:
        findings.append(Finding(code=FindingCode.BASELINE_TOO_SHORT, parameters=BaselineTooShort(missing_runs=needed)))
    return findings


def _judged(look: BaselineComparison) -> bool:
    return all(past.judgement.state is not DetectorState.LEARNING for past in look.pasts.values())


def _changes(look: BaselineComparison, state: DetectorState) -> dict[str, MetricChange]:
    """The metrics that are in this state, each with its change."""
    return {
        name: past.change
        for name, past in look.pasts.items()
        if past.judgement.state is state and past.change is not None
    }


def _before(look: BaselineComparison) -> str | None:
    """The last run before the change of the first metric that has one."""
    return next((past.before_run for past in look.pasts.values() if past.before_run is not None), None)


def _opened(
    measurement: Measurement, look: BaselineComparison, changes: Mapping[str, MetricChange], moment: datetime
) -> Regression:
    order = [night.run_id for night in look.series.points]
    first_run = min((str(look.pasts[name].first_run) for name in changes), key=order.index)
    before_run = _before(look)
    why = "; ".join(_size(change) for change in changes.values())
    return Regression(
        id=0,
        scenario=measurement.scenario,
        part=measurement.part,
        first_run=first_run,
        found_run=look.tonight.run_id,
        version_before=look.night(before_run).target_version if before_run is not None else None,
        version_after=look.night(first_run).target_version,
        changes=list(changes.values()),
        moves=[Move(state=RegressionState.OPEN, at=moment, who=AUTOMATIC, why=why)],
    )


def _finding(
    measurement: Measurement,
    look: BaselineComparison,
    change: MetricChange,
    known: Regression | None,
    regressed: Mapping[str, MetricChange],
) -> Finding:
    name = change.metric
    observed = metric(measurement, name)
    level = change.before
    told = f"{_size(change)}: {units.value(name, level)} before"
    if observed is not None:
        told += f", {units.value(name, observed)} tonight"
    sentences = [f"{told}, since run {look.pasts[name].first_run}{_versions(known)}"]
    if name == (TAIL if TAIL in regressed else "p50_s"):
        sentences.append(_shape(look, regressed))
    kind = FindingKind.IMPROVEMENT if known is None else FindingKind.REGRESSION
    if known is not None and known.state is RegressionState.ACKNOWLEDGED:
        kind, last = FindingKind.HISTORY, known.moves[-1]
        sentences.append(f"acknowledged by {last.who}" + (f": {last.why}" if last.why else ""))
    elif known is not None and known.found_run != look.tonight.run_id:
        sentences.append(f"known since run {known.found_run}")
    return Finding(
        kind=kind,
        part=measurement.part,
        metric=name,
        observed=observed,
        limit=level,
        sentence="; ".join(sentence for sentence in sentences if sentence),
    )


def _size(change: MetricChange) -> str:
    low, high = units.change(change.low), units.change(change.high)
    beyond = " beyond the median's change" if change.metric == TAIL else ""
    return f"{METRICS[change.metric]} {units.change(change.ratio)}{beyond} (95 % interval {low} to {high})"


def _versions(known: Regression | None) -> str:
    if known is None or known.version_after is None:
        return ""
    if known.version_before in (None, known.version_after):
        return f" (version {known.version_after}{', as before' if known.version_before else ''})"
    return f" (version {known.version_after}; before it {known.version_before})"


def _shape(look: BaselineComparison, regressed: Mapping[str, MetricChange]) -> str:
    """Whether all requests moved alike, or only the slow ones."""
    if TAIL in regressed:
        moved = "p50_s" in regressed
        return f"the slow requests moved {'farther than the median' if moved else 'and the median did not'}"
    tail = look.pasts.get(TAIL)
    steady = tail is not None and tail.judgement.state is DetectorState.NORMAL
    return "all requests moved alike, the slow ones no farther" if steady else ""


def _note(sentence: str, part: str = "") -> Finding:
    return Finding(kind=FindingKind.HISTORY, part=part, sentence=sentence)
