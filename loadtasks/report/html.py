"""The report as one self-contained page: no script, no request to anywhere, everything from outside escaped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from loadtasks import units
from loadtasks.measurement.errors import ErrorCount
from loadtasks.measurement.health import Health
from loadtasks.measurement.metrics import metric_label
from loadtasks.measurement.model import Measurement
from loadtasks.report import exemplars, table
from loadtasks.report.at_a_glance import at_a_glance
from loadtasks.report.charts import latency
from loadtasks.report.charts.states import ChartState
from loadtasks.report.findings import RenderedFinding, findings_on_page, invalid_reasons, named_once, within_run
from loadtasks.report.headline import NO_TARGET, is_untargeted
from loadtasks.report.noise import moved_metrics
from loadtasks.report.phases import TARGET, PhaseRow, TargetMetricRow, metrics, rows
from loadtasks.report.target_results import tally_of_targets, target_results
from loadtasks.report.template_environment import anchor, environment
from loadtasks.report.text import label
from loadtasks.report.worst_first import state_in_report, worst_first
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.judgement import MetricComparison, Verdict

if TYPE_CHECKING:
    from markupsafe import Markup

_PLACES = {"p95_s": "", "change": "", "p50_s": "phone-hidden", "success_rate": "phone-hidden"}
"""By column: the class that says which screens it is left out on; others are for wide ones."""
_COMPARED_IN_SHORT = {"p50_s", "p95_s"}


@dataclass(frozen=True)
class Section:
    """One scenario of the page."""

    result: ScenarioResult
    chart: "Markup | None" = None
    """The latency distribution, safe to be written into the page; None where there is none, or it can't be drawn."""
    shared: frozenset[str] = frozenset()
    """The keys of findings that several scenarios share, which the page shows once for all of them."""
    run_id: str = ""
    """The id of the run where the page shows it elsewhere; findings then don't repeat it."""

    @property
    def anchor(self) -> str:
        """The section's id in the page."""
        return anchor(self.result.scenario)

    @property
    def state(self) -> ChartState:
        """The verdict, or what was found that decides nothing."""
        return state_in_report(self.result)

    @property
    def findings(self) -> list[RenderedFinding]:
        """What decides first; without what is shared."""
        shown = named_once(within_run(rendered, self.run_id) for rendered in findings_on_page(self.result))
        return [rendered for rendered in shown if _key(rendered) not in self.shared]

    @property
    def shares(self) -> bool:
        """Whether something was found in this scenario that is shown for several."""
        return any(_key(within_run(rendered, self.run_id)) in self.shared for rendered in findings_on_page(self.result))

    @property
    def is_empty(self) -> bool:
        """Whether it has nothing to show but what it shares with other scenarios."""
        return self.shares and not self.measurements and not self.findings

    def moved(self, part: str) -> frozenset[str]:
        """The metrics of a part, or of the whole, that findings are about; changes of others are noise."""
        return moved_metrics(finding for finding in self.result.findings if finding.part == part)

    @property
    def measurements(self) -> list[Measurement]:
        """The whole, then its parts."""
        return self.result.measurements

    @property
    def whole(self) -> Measurement | None:
        """The measurement whose load, time and generator are shown."""
        return self.measurements[0] if self.measurements else None

    @property
    def mixed(self) -> bool:
        """Whether there are parts."""
        return any(measurement.part for measurement in self.measurements)

    @property
    def valid(self) -> bool:
        """Whether its numbers say something about the API."""
        return self.result.verdict is not Verdict.INVALID

    @property
    def timed(self) -> bool:
        """Whether there is a latency distribution to show."""
        return latency.latency_chart(self.result) is not None

    @property
    def far_limits(self) -> list[str]:
        """The limits that are too far above the chart to be drawn, in words."""
        return [
            f"{metric_label(far_limit.metric)} {units.value(far_limit.metric, far_limit.limit)}"
            for far_limit in latency.far_limits(self.result)
        ]

    @property
    def comparisons(self) -> list[tuple[str, list[MetricComparison]]]:
        """What was compared, by part, the whole first.

        Of a mixed scenario only p50, p95 and what a finding is about: all metrics of all parts would bury them.
        """
        parts: dict[str, list[MetricComparison]] = {}
        for comparison in sorted(table.claimed_comparisons(self.result), key=lambda comparison: comparison.part != ""):
            judged = {finding.metric for finding in self.result.findings if finding.part == comparison.part}
            if not self.mixed or comparison.metric in judged | _COMPARED_IN_SHORT:
                parts.setdefault(comparison.part, []).append(comparison)
        return list(parts.items())

    @property
    def phases(self) -> list[PhaseRow]:
        """Every phase, in the order of a request."""
        return rows(self.result)

    @property
    def has_server_phases(self) -> bool:
        """Whether the target reported where its time went."""
        return any(phase.side == TARGET for phase in self.phases)

    @property
    def target_metrics(self) -> list[TargetMetricRow]:
        """The target's own metrics that changed most."""
        return metrics(self.result)

    @property
    def throttled(self) -> bool:
        """Whether a rate limit of the target rejected requests."""
        return any(measurement.counts.throttled for measurement in self.measurements)

    @property
    def internal_errors(self) -> bool:
        """Whether the load engine itself failed on requests."""
        return any(measurement.counts.internal_errors for measurement in self.measurements)

    @property
    def slowest(self) -> list[exemplars.RenderedExemplar]:
        """The slowest requests."""
        return exemplars.of_scenario(self.result)

    @property
    def errors(self) -> list[tuple[str, ErrorCount]]:
        """Part and error; of a mixed scenario its parts' alone, since the whole only adds them up."""
        parts = [measurement for measurement in self.measurements if measurement.part] or self.measurements
        return [(part.part, error) for part in parts for error in part.errors]


@dataclass(frozen=True)
class SharedFinding:
    """A finding that several scenarios, or parts of one, share word for word."""

    of: list[RenderedFinding]
    """The same finding of each scenario, or part of one, the worst scenario first."""

    @property
    def rendered(self) -> RenderedFinding:
        """The finding in words."""
        return self.of[0]

    @property
    def scenarios(self) -> set[str]:
        """The names of the scenarios."""
        return {rendered.result.scenario for rendered in self.of}


def render(document: ResultsDocument, *, data_docs: bool = False) -> str:
    """The page of a run.

    Args:
        document: the run, whole.
        data_docs: whether the Data Docs of Great Expectations are in the same folder, to be linked to.
    """
    run, table_rows, results = document.run, table.rows(document), worst_first(document.scenarios)
    template = environment().get_template("index.html")
    charts = latency.latency_svgs(results)
    shared = _shared_findings(results, run.id)
    targets = target_results(document)
    keys = frozenset(shared)
    sections = [Section(result, charts.get(result.scenario), keys, run.id) for result in results]
    nothing_measured = _nothing_measured(results, shared)
    return template.render(
        document=document,
        run=run,
        sections=[section for section in sections if not section.is_empty],
        sectioned={section.result.scenario for section in sections if not section.is_empty},
        number=len(results),
        nothing_measured=nothing_measured,
        baseline_runs=_baseline_runs(results),
        rows=table_rows,
        glance=at_a_glance(document),
        shared=[one for one in shared.values() if one.rendered is not nothing_measured],
        targets=targets,
        tally_of_targets=tally_of_targets(targets),
        has_marks=table.has_marks(table_rows),
        unmeasured=_without_section(document),
        untargeted=NO_TARGET if is_untargeted(document) else "",
        capacity=capacity,
        place=_place,
        data_docs=data_docs,
        MISSING=units.MISSING,
    )


def _place(column: str) -> str:
    """The class of a column: which screens have room for it. A phone shows the p95 and its change."""
    return _PLACES.get(column, "wide-only")


def _nothing_measured(results: Sequence[ScenarioResult], shared: Mapping[str, SharedFinding]) -> RenderedFinding | None:
    """The one reason for which no scenario of a run could be measured, which the head of the page gives."""
    if any(result.measurements for result in results):
        return None
    of_all = [one for one in shared.values() if len(one.scenarios) == len(results)]
    return of_all[0].rendered if len(of_all) == len(shared) == 1 else None


def _key(rendered: RenderedFinding) -> str:
    """What findings have in common that read alike."""
    return f"{rendered.title}: {rendered.sentence}. {rendered.next_step}"


def _shared_findings(results: list[ScenarioResult], run_id: str) -> dict[str, SharedFinding]:
    """The findings that several scenarios share, by their key, in the order of the page."""
    found: dict[str, SharedFinding] = {}
    for result in results:
        for rendered in (within_run(one, run_id) for one in findings_on_page(result)):
            found.setdefault(_key(rendered), SharedFinding([])).of.append(rendered)
    return {key: shared for key, shared in found.items() if len({one.label for one in shared.of}) > 1}


def _baseline_runs(results: list[ScenarioResult]) -> dict[str, datetime | None]:
    """The runs whose distributions are drawn as the baseline, with their beginning."""
    return {
        result.baseline_run: result.baseline[0].started_at if result.baseline else None
        for result in reversed(results)
        if result.baseline_run and not result.round_ratios
    }


def _without_section(document: ResultsDocument) -> dict[str, str]:
    """Why scenarios that were planned are nowhere on the page."""
    named = {label(result.scenario) for result in document.scenarios}
    return {scenario: reason for scenario, reason in invalid_reasons(document).items() if scenario not in named}


def capacity(health: Health) -> str:
    """How fast the load generator sent, and how fast it could have."""
    sent = f"sent {units.rate(health.sent_per_s)}" if health.sent_per_s is not None else ""
    if health.calibration is None:
        return f"It {sent}; its capacity was not measured." if sent else "Its capacity was not measured."
    can = f"It can send {units.rate(health.calibration.ceiling_per_s)} on this machine"
    late = units.duration(health.calibration.jitter_p99_s)
    jitter = f"99\N{NO-BREAK SPACE}% of its requests leave within {late} of their due time"
    return f"{can} and {sent}; {jitter}." if sent else f"{can}; {jitter}."
