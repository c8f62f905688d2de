"""Runs, measurements and what was concluded from them as rows of tables, and back."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from loadtasks.measurement.histogram import Histogram
from loadtasks.measurement.metrics import PERCENTILES
from loadtasks.measurement.model import Counts, Measurement
from loadtasks.measurement.pruned_histogram import PrunedHistogram
from loadtasks.results.findings.validity import MeasurementFailure
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.message import Message
from loadtasks.results.pairing import Pairing
from loadtasks.results.plausible import plausible
from loadtasks.results.records import Baseline
from loadtasks.results.regression import MetricChange, Move, Regression
from loadtasks.results.run import Run
from loadtasks.results.schema import (
    BaselineRow,
    FailureRow,
    MeasurementRow,
    MessageRow,
    MoveRow,
    PairingRow,
    RegressionRow,
    RunRow,
    VerdictRow,
)

_Model = TypeVar("_Model", bound=BaseModel)
_HISTOGRAMS = ("response", "service", "send_lag")
_AS_THEY_ARE = (
    "scenario",
    "part",
    "endpoint",
    "scenario_hash",
    "load",
    "started_at",
    "elapsed_s",
    "duration_s",
    "stragglers",
    "body_bytes",
)
_AS_JSON = (
    "protocol",
    "statuses",
    "errors",
    "phases",
    "unreachable_addresses",
    "target_metrics",
    "exemplars",
    "health",
)
_AS_METRICS = ("stale_connections",)
"""Fields whose columns are those of metrics, besides the counts."""


def _valid(model: type[_Model], values: Mapping[str, Any]) -> _Model:
    return plausible(model.model_validate(values))


def run_values(run: Run) -> dict[str, Any]:
    """A run as columns, but for its verdict."""
    return run.model_dump() | run.model_dump(mode="json", include={"calibrations", "controls"})


def run_of(row: RunRow) -> Run:
    """The run of a row."""
    return _valid(Run, {name: getattr(row, name) for name in Run.model_fields})


def run_verdict_of(row: RunRow) -> Verdict | None:
    """The verdict of a run's row; None while the run is open."""
    return Verdict(row.verdict) if row.verdict is not None else None


def measurement_row(
    run_id: str,
    position: int,
    measurement: Measurement,
    **columns: int | str | bool | None,
) -> MeasurementRow:
    """A measurement as a row: a reported and trusted one of the first repetition, but for the columns given."""
    return MeasurementRow(
        run_id=run_id,
        position=position,
        **{"repetition": 1, "reason": None, "reported": True, "trusted": True} | columns,
        **{name: getattr(measurement, name) for name in _AS_THEY_ARE},
        **measurement.metrics,
        **{name: getattr(measurement, name).encode() for name in _HISTOGRAMS},
        **measurement.model_dump(mode="json", include=set(_AS_JSON)),
        availability_details=(
            measurement.availability.model_dump(mode="json") if measurement.availability is not None else None
        ),
    )


def measurement_of(row: MeasurementRow) -> Measurement:
    """The measurement of a row."""
    return _valid(
        Measurement,
        {name: getattr(row, name) for name in (*_AS_THEY_ARE, *_AS_JSON, *_AS_METRICS)}
        | _histograms_of(row)
        | {"counts": {name: getattr(row, name) for name in Counts.model_fields}}
        | {"availability": row.availability_details},
    )


def prune_measurement(row: MeasurementRow) -> None:
    """Take out of a row what no verdict needs: exemplars, and of the histograms all but the metrics."""
    if row.response is not None:
        row.timed = Histogram.decode(row.response).count
    for name in _HISTOGRAMS:
        setattr(row, name, None)
    row.exemplars = []


def _histograms_of(row: MeasurementRow) -> dict[str, Histogram]:
    if row.response is not None:
        return {name: Histogram.decode(getattr(row, name)) for name in _HISTOGRAMS}
    kept = {name: getattr(row, name) for name in ("mean_s", "max_s", *PERCENTILES)}
    quantiles_s = {quantile: kept[name] for name, quantile in PERCENTILES.items()}
    return {
        "response": PrunedHistogram(row.timed or 0, kept["mean_s"], kept["max_s"], quantiles_s),
        "service": PrunedHistogram(0),
        "send_lag": PrunedHistogram(0),
    }


def failure_row(run_id: str, scenario: str, failure: MeasurementFailure) -> FailureRow:
    """Why a scenario was not measured to its end, as a row."""
    access = failure.access.model_dump(mode="json") if failure.access is not None else None
    return FailureRow(run_id=run_id, scenario=scenario, code=failure.code.value, detail=failure.detail, access=access)


def failure_of(row: FailureRow) -> MeasurementFailure:
    """The failure of a row."""
    return _valid(MeasurementFailure, {"code": row.code, "detail": row.detail, "access": row.access})


def pairing_row(run_id: str, scenario: str, pairing: Pairing) -> PairingRow:
    """A pairing as a row."""
    return PairingRow(run_id=run_id, scenario=scenario, **pairing.model_dump(mode="json"))


def pairing_of(row: PairingRow) -> Pairing:
    """The pairing of a row."""
    return _valid(Pairing, {name: getattr(row, name) for name in Pairing.model_fields})


def verdict_row(run_id: str, position: int, verdict: ScenarioVerdict) -> VerdictRow:
    """A scenario's verdict as a row."""
    return VerdictRow(run_id=run_id, position=position, **verdict.model_dump(mode="json"))


def verdict_of(row: VerdictRow) -> ScenarioVerdict:
    """The verdict of a row."""
    return _valid(ScenarioVerdict, {name: getattr(row, name) for name in ScenarioVerdict.model_fields})


def baseline_of(row: BaselineRow) -> Baseline:
    """The baseline of a row."""
    own = {name: getattr(row, name) for name in Baseline.model_fields if name != "service"}
    return _valid(Baseline, own | {"service": row.run.service})


def move_of(row: MoveRow) -> Move:
    """The step in a regression's life of a row."""
    return _valid(Move, {name: getattr(row, name) for name in Move.model_fields})


def regression_of(row: RegressionRow) -> Regression:
    """The regression of a row."""
    own = {name: getattr(row, name) for name in Regression.model_fields if name not in ("changes", "moves")}
    changes = [MetricChange.model_validate(change) for change in row.changes]
    return _valid(Regression, own | {"changes": changes, "moves": [move_of(move) for move in row.moves]})


def message_of(row: MessageRow) -> Message:
    """The message of a row."""
    return _valid(Message, {name: getattr(row, name) for name in Message.model_fields})
