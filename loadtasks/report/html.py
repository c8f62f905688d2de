"""The report as one self-contained page: no script, no request to anywhere, everything from outside escaped."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadtasks import units
from loadtasks.measurement.errors import ErrorCount
from loadtasks.measurement.health import Health
from loadtasks.measurement.metrics import metric_label
from loadtasks.measurement.model import Measurement
from loadtasks.report import exemplars, table
from loadtasks.report.charts import latency
from loadtasks.report.findings import RenderedFinding, findings_on_page, invalid_reasons
from loadtasks.report.phases import TARGET, PhaseRow, TargetMetricRow, metrics, rows
from loadtasks.report.template_environment import anchor, environment
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.judgement import MetricComparison, Verdict

if TYPE_CHECKING:
    from markupsafe import Markup

_COMPARED_IN_SHORT = {"p50_s", "p95_s"}


@dataclass(frozen=True)
class Section:
    """One scenario of the page."""

    result: ScenarioResult
    chart: "Markup | None" = None
    """The latency distribution, safe to be written into the page; None where there is none, or it can't be drawn."""

    @property
    def anchor(self) -> str:
        """The section's id in the page."""
        return anchor(self.result.scenario)

    @property
    def findings(self) -> list[RenderedFinding]:
        """What decides first."""
        return findings_on_page(self.result)

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
        for comparison in sorted(self.result.comparisons, key=lambda comparison: comparison.part != ""):
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


def render(document: ResultsDocument, *, data_docs: bool = False) -> str:
    """The page of a run.

    Args:
        document: the run, whole.
        data_docs: whether the Data Docs of Great Expectations are in the same folder, to be linked to.
    """
    run, table_rows = document.run, table.rows(document)
    template = environment().get_template("index.html")
    charts = latency.latency_svgs(document.scenarios)
    return template.render(
        document=document,
        run=run,
        sections=[Section(result, charts.get(result.scenario)) for result in document.scenarios],
        rows=table_rows,
        has_marks=table.has_marks(table_rows),
        invalid=invalid_reasons(document),
        capacity=capacity,
        data_docs=data_docs,
    )


def capacity(health: Health) -> str:
    """How fast the load generator sent, and how fast it could have."""
    sent = f"sent {units.rate(health.sent_per_s)}" if health.sent_per_s is not None else ""
    if health.calibration is None:
        return f"It {sent}; its capacity was not measured." if sent else "Its capacity was not measured."
    can = f"It can send {units.rate(health.calibration.ceiling_per_s)} on this machine"
    late = units.duration(health.calibration.jitter_p99_s)
    jitter = f"99\N{NO-BREAK SPACE}% of its requests leave within {late} of their due time"
    return f"{can} and {sent}; {jitter}." if sent else f"{can}; {jitter}."
