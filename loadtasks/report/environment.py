"""The controls of a run in words: what each showed, and what the environment did to which scenarios."""

from collections.abc import Iterator, Sequence

from loadtasks import units
from loadtasks.measurement.control import NULL_CONNECT, NULL_SERVER, ControlReading
from loadtasks.measurement.metrics import metric_label
from loadtasks.plain_text import plain
from loadtasks.report.sentences import phrases
from loadtasks.report.text import label
from loadtasks.results.document import ScenarioResult
from loadtasks.results.findings.history import EnvironmentChanged
from loadtasks.results.run import Run

_NAMES = {NULL_SERVER: "null server", NULL_CONNECT: "connecting to it"}
_MIN_SHOWN = 0.005


def control_readings(run: Run) -> str:
    """`null server 31.2 µs (+38 %, usually within ±9 %), static.get 1.1 ms (as usual)`; empty without any control."""
    return ", ".join(_reading(reading) for reading in run.controls.readings)


def _reading(reading: ControlReading) -> str:
    said = f"{plain(_NAMES.get(reading.name, reading.name))} {units.duration(reading.observed_s)}"
    if reading.usual_s is None:
        return said
    ratio = reading.observed_s / reading.usual_s
    change = units.change(ratio) if abs(ratio - 1) >= _MIN_SHOWN else "as usual"
    return f"{said} ({change}{', another level' if reading.moved_since is not None else ''})"


def environment_changes(results: Sequence[ScenarioResult]) -> Iterator[str]:
    """A sentence, without its full stop, for each control that moved and each metric that moved with it."""
    found: dict[tuple[str, str, str, float, bool], list[tuple[str, EnvironmentChanged]]] = {}
    for result in results:
        for finding in result.findings:
            own = finding.parameters
            if isinstance(own, EnvironmentChanged) and not finding.part and result.scenario != own.control:
                key = (own.control, own.first_run, finding.metric, own.control_ratio, own.relative_to_median)
                found.setdefault(key, []).append((label(result.scenario), own))
    for (control, first_run, metric, control_ratio, is_relative), moved in found.items():
        ratios = sorted(one.ratio for _, one in moved)
        sizes = list(dict.fromkeys(units.change(ratio) for ratio in (ratios[0], ratios[-1])))
        at = next((one.first_run_started_at for _, one in moved if one.first_run_started_at is not None), None)
        since = f"{phrases.moment(at)} (run {plain(first_run)})" if at is not None else f"run {plain(first_run)}"
        scenarios = moved[0][0] if len(moved) == 1 else units.plural(len(moved), "scenario")
        name = metric_label(metric) + (f" relative to {metric_label('p50_s')}" if is_relative else "")
        yield (
            f"The environment changed since {since}, not the API: {plain(phrases.control(control))} is "
            f"{phrases.pace(control_ratio)}, and {name} of {scenarios} moved with it ({' to '.join(sizes)})"
        )
