"""Where the time of a scenario's requests went, against its baseline, and the target's own metrics."""

from dataclasses import dataclass

from loadtasks import units
from loadtasks.measurement.model import NAME_RESOLUTION, SERVER, Measurement, Phase
from loadtasks.measurement.target_metrics import TargetMetrics
from loadtasks.plain_text import plain
from loadtasks.results.document import ScenarioResult

CLIENT, TARGET = "client", "server"
_MAX_METRICS = 12
"""How many metrics are shown; results.json has the others."""
_CLIENT_PHASES = {
    NAME_RESOLUTION: "name resolution",
    "connect": "connect",
    "upgrade": "upgrade, a part of it",
    "waiting": "waiting for a connection",
    "first_byte": "to the first byte",
    "body": "body",
    "publish": "publish",
    "first_delivery": "to the first listener",
    "fan_out": "first listener to last",
    "first_message": "to the first message",
}


@dataclass(frozen=True)
class PhaseRow:
    """One phase of one part."""

    part: str
    side: str
    name: str
    phase: Phase
    before: Phase | None
    """The baseline's; None where there is none."""

    @property
    def outcomes(self) -> str:
        """The outcomes, with the baseline's cache hit ratio: `hit 98.0 %, miss 2.0 % (hit 99.0 % in the baseline)`."""
        outcomes = _outcomes(self.phase)
        ratio = self.before.hit_ratio if self.before is not None else None
        if not outcomes or ratio is None:
            return outcomes
        return f"{outcomes} (hit {units.share(ratio)} in the baseline)"


@dataclass(frozen=True)
class TargetMetricRow:
    """One of the target's own metrics."""

    name: str
    now: str
    before: str
    """In the baseline's run."""


def rows(result: ScenarioResult) -> list[PhaseRow]:
    """Every phase that took any time, in the order of a request; the baseline's where it is comparable."""
    baseline = {measurement.part: measurement.phases for measurement in result.baseline if result.comparisons}
    return [
        PhaseRow(measurement.part, *_side(name), phase, baseline.get(measurement.part, {}).get(name))
        for measurement in result.measurements
        for name, phase in sorted(measurement.phases.items(), key=lambda phase: _order(phase[0]))
        if phase.max_s or name != "waiting"
    ]


def metrics(result: ScenarioResult) -> list[TargetMetricRow]:
    """What grew most and what gauges changed, in short."""
    now, before = _metrics_of(result.measurements), _metrics_of(result.baseline)
    counted = {name: value for name, value in now.counters.items() if not name.partition("{")[0].endswith("_sum")}
    grown = sorted(counted.items(), key=lambda counter: -counter[1])
    gauges = {name: values for name, values in now.gauges.items() if _notable(name, values, before)}
    counters = [
        TargetMetricRow(plain(name), f"+{units.count(value)}", _plus(before.counters.get(name)))
        for name, value in grown
    ]
    changed = [
        TargetMetricRow(plain(name), _change(values), _change(before.gauges.get(name)))
        for name, values in gauges.items()
    ]
    return [*changed, *counters][:_MAX_METRICS]


def _notable(name: str, values: tuple[float, float], before: TargetMetrics) -> bool:
    """Whether a gauge moved, or stands elsewhere than in the baseline."""
    return values[0] != values[1] or (name in before.gauges and before.gauges[name][1] != values[1])


def _metrics_of(measurements: list[Measurement]) -> TargetMetrics:
    return (
        next((measurement.target_metrics for measurement in measurements if measurement.target_metrics), None)
        or TargetMetrics()
    )


def _plus(value: float | None) -> str:
    return units.MISSING if value is None else f"+{units.count(value)}"


def _change(values: tuple[float, float] | None) -> str:
    if values is None:
        return units.MISSING
    first, last = (f"{value:g}" for value in values)
    return first if first == last else f"{first} to {last}"


def _outcomes(phase: Phase) -> str:
    total = sum(phase.outcomes.values())
    ordered = sorted(phase.outcomes.items(), key=lambda outcome: -outcome[1])
    return ", ".join(f"{plain(outcome)} {units.share(number / total)}" for outcome, number in ordered)


def _side(name: str) -> tuple[str, str]:
    if name.startswith(SERVER):
        return TARGET, name.removeprefix(SERVER)
    return CLIENT, _CLIENT_PHASES.get(name, name)


def _order(name: str) -> tuple[bool, int, str]:
    order = list(_CLIENT_PHASES)
    return name.startswith(SERVER), order.index(name) if name in order else len(order), name
