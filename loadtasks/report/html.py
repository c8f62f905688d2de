"""The report as one self-contained page: no script, no request to anywhere, everything from outside escaped."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from loadtasks import units
from loadtasks.measurement.health import Health
from loadtasks.measurement.model import METRICS, Measurement
from loadtasks.report import exemplars, plots, table, words
from loadtasks.report.phases import TARGET, PhaseRow, TargetMetricRow, metrics, rows
from loadtasks.report.sentences.validity import saturation_sentence
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.judgement import MetricComparison, Verdict
from loadtasks.verdict.targets.percentiles import untold

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_TOLD_IN_SHORT = {"p50_s", "p95_s"}


@dataclass(frozen=True)
class Section:
    """One scenario of the page."""

    result: ScenarioResult

    @property
    def anchor(self) -> str:
        """The section's id in the page."""
        return anchor(self.result.scenario)

    @property
    def findings(self) -> list[words.RenderedFinding]:
        """What decides first."""
        return words.telling(self.result)

    @property
    def measurements(self) -> list[Measurement]:
        """The whole, then its parts."""
        return self.result.measurements

    @property
    def whole(self) -> Measurement | None:
        """The measurement whose load, time and generator are told."""
        return self.measurements[0] if self.measurements else None

    @property
    def mixed(self) -> bool:
        """Whether there are parts."""
        return any(measurement.part for measurement in self.measurements)

    @property
    def trusted(self) -> bool:
        """Whether its numbers are claimed of the API."""
        return self.result.verdict is not Verdict.INVALID

    @cached_property
    def plot(self) -> "Markup | None":
        """The latency distribution, safe to be written into the page."""
        from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

        svg = plots.latency(self.result)
        return None if svg is None else Markup(svg)  # noqa: S704 - `plots` has escaped what came from outside

    @property
    def far_limits(self) -> list[str]:
        """The limits that are too far above the plot to be drawn, in words."""
        return [
            f"{METRICS.get(far_limit.metric, far_limit.metric)} {units.value(far_limit.metric, far_limit.limit)}"
            for far_limit in plots.far_limits(self.result)
        ]

    @property
    def comparisons(self) -> list[tuple[str, list[MetricComparison]]]:
        """What was compared, by part, the whole first; of a mixed scenario in short, since all is a wall of numbers."""
        parts: dict[str, list[MetricComparison]] = {}
        for comparison in sorted(self.result.comparisons, key=lambda comparison: comparison.part != ""):
            judged = {finding.metric for finding in self.result.findings if finding.part == comparison.part}
            if not self.mixed or comparison.metric in judged | _TOLD_IN_SHORT:
                parts.setdefault(comparison.part, []).append(comparison)
        return list(parts.items())

    @property
    def phases(self) -> list[PhaseRow]:
        """Every phase, in the order of a request."""
        return rows(self.result)

    @property
    def server_told(self) -> bool:
        """Whether the target said where its time went."""
        return any(phase.side == TARGET for phase in self.phases)

    @property
    def told_by_target(self) -> list[TargetMetricRow]:
        """What the target's own metrics say."""
        return metrics(self.result)

    @property
    def throttled(self) -> bool:
        """Whether a limit of the target turned requests away."""
        return any(measurement.counts.throttled for measurement in self.measurements)

    @property
    def slowest(self) -> list[exemplars.RenderedExemplar]:
        """The slowest requests."""
        return exemplars.of_scenario(self.result)

    @property
    def errors(self) -> list[tuple[str, Any]]:
        """Part and error; of a mixed scenario its parts' alone, since the whole only adds them up."""
        parts = [measurement for measurement in self.measurements if measurement.part] or self.measurements
        return [(part.part, error) for part in parts for error in part.errors]


def render(document: ResultsDocument, *, data_docs: bool = False) -> str:
    """The page of a run.

    Args:
        document: the run, whole.
        data_docs: whether Great Expectations' Data Docs stand beside the page, to be linked to.
    """
    table_rows = table.rows(document)
    return (
        environment()
        .get_template("index.html")
        .render(
            document=document,
            run=document.run,
            sections=[Section(result) for result in document.scenarios],
            rows=table_rows,
            marked=table.marked(table_rows),
            duration_s=(document.run.ended_at - document.run.started_at).total_seconds()
            if document.run.ended_at
            else None,
            invalid=words.invalid(document),
            data_docs=data_docs,
        )
    )


def environment() -> "Environment":
    """The templates' Jinja2 environment: everything is escaped, and a missing name is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - reports alone need it

    made = Environment(
        loader=PackageLoader("loadtasks.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "duration": units.duration,
        "span": units.span,
        "rate": units.rate,
        "share": units.share,
        "change": units.change,
        "count": units.count,
        "saturation": saturation_sentence,
        "error_name": lambda error: f"publishing: {error.code}" if error.publishing else error.code,
        "metric": lambda name: METRICS.get(name, name),
        "told": lambda number, name: units.value(name, number),
        "moment": moment,
        "anchor": anchor,
        "symbol": words.SYMBOL.__getitem__,
        "word": words.WORD.__getitem__,
        "sentence": sentence,
        "capacity": capacity,
        "untold": untold,
        "of_part": of_part,
        "plain": words.plain,
    }
    made.globals |= {"table": table, "words": words, "units": units}
    return made


def moment(when: datetime) -> str:
    """A time as `24 Nov 2026, 02:00 UTC`."""
    zone = when.tzname() or ""
    return f"{when:%-d %b %Y, %H:%M} {zone}".strip()


def sentence(text: str) -> str:
    """A text with a capital letter and a full stop, as a sentence of its own; names keep their small letter."""
    text = text.rstrip(".")
    first, _, _ = text.partition(" ")
    starts_with_name = "." in first or "_" in first or (len(first) > 1 and any(c.isdigit() for c in first))
    return (text if starts_with_name else text[:1].upper() + text[1:]) + "."


def capacity(health: Health) -> str:
    """What the generator could have sent, beside what it did send."""
    sent = f"sent {units.rate(health.sent_per_s)}" if health.sent_per_s is not None else ""
    if health.calibration is None:
        told = f"It {sent}; how much it can" if sent else "How much it can"
        return f"{told} send here is not known, since it was not calibrated."
    can = f"It can send {units.rate(health.calibration.ceiling_per_s)} here"
    late = units.duration(health.calibration.jitter_p99_s)
    jitter = f"99\N{NO-BREAK SPACE}% of its requests leave within {late} of their time"
    return f"{can} and {sent}; {jitter}." if sent else f"{can}; {jitter}."


def of_part(measurements: list[Measurement], part: str) -> Measurement | None:
    """The measurement of a part, or of the whole; None where it is not at hand."""
    return next((measurement for measurement in measurements if measurement.part == part), None)


def anchor(scenario: str) -> str:
    """A scenario's id in the page."""
    return "scenario-" + "".join(c if c.isalnum() or c in "-_." else "-" for c in scenario)
