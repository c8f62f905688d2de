"""Loads, load generators, errors and generator health are kept as data; so are the protocol and the p99.9.

Revision ID: 0007
Revises: 0006
"""

import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import sqlalchemy as sa
from alembic import op
from hdrh.histogram import HdrHistogram

revision = "0007"
down_revision = "0006"

_PUBLISH_ERROR = "publish: "
_PROCESS = re.compile(r"process (\d+): ")
_CPU = re.compile(r"used (\d+)% of a core \(limit (\d+)%\)")
_LAG = re.compile(r"(?P<observed>[\d,.]+) ms \((?P<statistic>p99|median), limit (?P<limit>[\d,.]+) ms")
_SENT = re.compile(r"at ([\d,]+) requests/s")
_CEILING = re.compile(r"of the ([\d,]+)/s that it can send")
_MAX_CPU_SHARE = 0.9
_GENERATOR = re.compile(r"(?P<name>.*), loadtasks [^,]*?(, (?P<processes>\d+) processes)?")
_PAIRED = ", in rounds beside a reference"
_MIXED = "at the same time: "
_NUMBER = r"[0-9.e+-]+"
_THINKING = (
    rf"(, thinking ((?P<mean>{_NUMBER}) s on average \(exponential, seed (?P<mean_seed>\d+)\)"
    rf"|(?P<min>{_NUMBER}) to (?P<max>{_NUMBER}) s \(seed (?P<seed>\d+)\)|(?P<constant>{_NUMBER}) s))?"
)
_CLOSED = re.compile(
    rf"((?P<requests>\d+) requests|(?P<duration>{_NUMBER}) s), (one after another|(?P<workers>\d+) workers){_THINKING}"
)
_WORKER_STAGES = re.compile(
    rf"workers from (?P<start>\d+) to (?P<stages>\d+ in {_NUMBER} s(, \d+ in {_NUMBER} s)*){_THINKING}"
)
_OPEN = re.compile(
    rf"(?P<rate>{_NUMBER}) requests/s for (?P<duration>{_NUMBER}) s(, Poisson arrivals \(seed (?P<seed>\d+)\))?"
)
_STAGES = re.compile(
    rf"from (?P<start>{_NUMBER}) requests/s to (?P<stages>{_NUMBER}/s in {_NUMBER} s(, {_NUMBER}/s in {_NUMBER} s)*)"
)
_CONNECTIONS = re.compile(
    rf"(?P<connections>\d+) connections at once, held until all are open( and (?P<hold>{_NUMBER}) s longer)?"
)
_EVENTS = re.compile(rf"(?P<events>\d+) events at (?P<rate>{_NUMBER})/s to (?P<listeners>\d+) listeners")
_PUBLISHING = re.compile(r"publishing (?P<profile>.*), to (?P<listeners>\d+) listeners")
_STAGE = re.compile(rf"(?P<to>{_NUMBER})(/s)? in (?P<duration>{_NUMBER}) s")
_WEBSOCKETS = ("connections", "broadcast")

_MEASUREMENTS = sa.table(
    "measurements",
    sa.column("id", sa.Integer),
    sa.column("load", sa.String),
    sa.column("load_data", sa.JSON),
    sa.column("protocol", sa.String),
    sa.column("errors", sa.JSON),
    sa.column("health", sa.JSON),
    sa.column("response", sa.String),
    sa.column("p99_9_s", sa.Double),
)
_RUNS = sa.table(
    "runs",
    sa.column("id", sa.String),
    sa.column("generator", sa.String),
    sa.column("processes", sa.Integer),
)
_BASELINES = sa.table("baselines", sa.column("id", sa.Integer), sa.column("generator", sa.String))
_PAIRINGS = sa.table(
    "pairings",
    sa.column("run_id", sa.String),
    sa.column("scenario", sa.String),
    sa.column("reference", sa.JSON),
    sa.column("pairs", sa.JSON),
)


def upgrade() -> None:
    """Add the columns, and rewrite what is kept as sentences."""
    op.add_column("runs", sa.Column("processes", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("runs", sa.Column("measurement_version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("measurements", sa.Column("protocol", sa.String(), nullable=False, server_default="http"))
    op.add_column("measurements", sa.Column("p99_9_s", sa.Double(), nullable=True))
    op.add_column("measurements", sa.Column("load_data", sa.JSON(), nullable=False, server_default="{}"))
    connection = op.get_bind()
    _rewrite_generators(connection)
    for row in connection.execute(sa.select(_MEASUREMENTS)).mappings().all():
        load = _load(row["load"])
        connection.execute(
            sa.update(_MEASUREMENTS)
            .where(_MEASUREMENTS.c.id == row["id"])
            .values(
                load_data=load,
                protocol=_protocol(load),
                errors=_errors(row["errors"]),
                health=_health(row["health"]),
                p99_9_s=_quantile_s(row["response"], 0.999),
            )
        )
    with op.batch_alter_table("measurements") as measurements:
        measurements.drop_column("load")
        measurements.alter_column("load_data", new_column_name="load", existing_type=sa.JSON(), server_default=None)
    for row in connection.execute(sa.select(_PAIRINGS)).mappings().all():
        connection.execute(
            sa.update(_PAIRINGS)
            .where(_PAIRINGS.c.run_id == row["run_id"], _PAIRINGS.c.scenario == row["scenario"])
            .values(
                reference=[_measurement(measurement) for measurement in row["reference"]],
                pairs=[_round_ratios(ratios) for ratios in row["pairs"]],
            )
        )


def downgrade() -> None:
    """There is no way back: sentences can't be made of numbers here."""
    raise NotImplementedError("revision 0007 can't be undone")


def _measurement(measurement: dict[str, Any]) -> dict[str, Any]:
    load = _load(measurement["load"])
    return measurement | {
        "load": load,
        "protocol": _protocol(load),
        "errors": _errors(measurement["errors"]),
        "health": _health(measurement["health"]),
    }


def _rewrite_generators(connection: sa.Connection) -> None:
    for table in (_RUNS, _BASELINES):
        for row in connection.execute(sa.select(table)).mappings().all():
            if (found := _GENERATOR.fullmatch(row["generator"])) is None:
                continue
            values: dict[str, Any] = {"generator": found["name"]}
            if table is _RUNS:
                values["processes"] = int(found["processes"] or 1)
            connection.execute(sa.update(table).where(table.c.id == row["id"]).values(values))


def _load(sentence: str) -> dict[str, Any]:
    """The data of a load that was kept as a sentence; of one that is unknown the sentence itself."""
    plain = sentence.removesuffix(_PAIRED)
    paired = {"paired": True} if plain != sentence else {}
    return _profile(plain) | paired


def _profile(sentence: str) -> dict[str, Any]:
    if sentence.startswith(_MIXED):
        parts = [part.partition(" ") for part in sentence.removeprefix(_MIXED).split("; ")]
        return {"model": "mixed", "parts": {name: _profile(rest) for name, _, rest in parts}}
    for pattern, read in _READERS:
        if (found := pattern.fullmatch(sentence)) is not None:
            return read(found)
    return {"model": "unknown", "sentence": sentence}


def _closed(found: re.Match[str]) -> dict[str, Any]:
    ends = {"requests": int(found["requests"])} if found["requests"] else {"duration_s": float(found["duration"])}
    return {"model": "closed", "workers": int(found["workers"] or 1)} | ends | _thinking(found)


def _worker_stages(found: re.Match[str]) -> dict[str, Any]:
    stages = [
        {"workers": int(stage["to"]), "duration_s": float(stage["duration"])}
        for stage in _STAGE.finditer(found["stages"])
    ]
    ramp = {"model": "worker_stages", "start_workers": int(found["start"]), "stages": stages}
    return ramp | _thinking(found)


def _open(found: re.Match[str]) -> dict[str, Any]:
    steady = {"model": "open", "rate": float(found["rate"]), "duration_s": float(found["duration"])}
    return steady | ({"arrivals": "poisson", "seed": int(found["seed"])} if found["seed"] else {})


def _stages(found: re.Match[str]) -> dict[str, Any]:
    stages = [
        {"rate": float(stage["to"]), "duration_s": float(stage["duration"])}
        for stage in _STAGE.finditer(found["stages"])
    ]
    return {"model": "stages", "start_rate": float(found["start"]), "stages": stages}


def _connections(found: re.Match[str]) -> dict[str, Any]:
    opened = {"model": "connections", "connections": int(found["connections"])}
    return opened | ({"hold_s": float(found["hold"])} if found["hold"] else {})


def _events(found: re.Match[str]) -> dict[str, Any]:
    published = {"events": int(found["events"]), "rate": float(found["rate"])}
    return {"model": "broadcast", "listeners": int(found["listeners"])} | published


def _publishing(found: re.Match[str]) -> dict[str, Any]:
    return {"model": "broadcast", "listeners": int(found["listeners"]), "publishing": _profile(found["profile"])}


def _thinking(found: re.Match[str]) -> dict[str, Any]:
    if found["mean"]:
        return {"think_time_s": {"mean": float(found["mean"]), "seed": int(found["mean_seed"])}}
    if found["min"]:
        spread = {"min": float(found["min"]), "max": float(found["max"])}
        return {"think_time_s": spread | {"seed": int(found["seed"])}}
    if found["constant"]:
        return {"think_time_s": {"min": float(found["constant"]), "max": float(found["constant"])}}
    return {}


_READERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], dict[str, Any]]], ...] = (
    (_CLOSED, _closed),
    (_WORKER_STAGES, _worker_stages),
    (_OPEN, _open),
    (_STAGES, _stages),
    (_CONNECTIONS, _connections),
    (_EVENTS, _events),
    (_PUBLISHING, _publishing),
)


def _protocol(load: dict[str, Any]) -> str:
    """`websocket` where the load is one of WebSockets, and of a mixed one where all parts are."""
    profiles = load["parts"].values() if load["model"] == "mixed" else [load]
    return "websocket" if all(profile["model"] in _WEBSOCKETS for profile in profiles) else "http"


def _errors(errors: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "code": error["kind"].removeprefix(_PUBLISH_ERROR),
            "count": error["count"],
            "sample": error["example"],
            "publishing": error["kind"].startswith(_PUBLISH_ERROR),
        }
        for error in errors
    ]


def _health(health: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in health.items() if name != "unfit"}
    return kept | {"saturation": [_saturation(sentence, health) for sentence in health.get("unfit", [])]}


def _saturation(sentence: str, health: dict[str, Any]) -> dict[str, Any]:
    """The numbers of a sentence; of one that is unknown what is known of the CPU, so that it stays a saturation."""
    process, cpu, lag = _PROCESS.match(sentence), _CPU.search(sentence), _LAG.search(sentence)
    sent, ceiling = _SENT.search(sentence), _CEILING.search(sentence)
    found: dict[str, Any] = {
        "code": "cpu",
        "observed": health["cpu_share"],
        "limit": _MAX_CPU_SHARE,
        "statistic": None,
        "sent_per_s": _number(sent[1]) if sent else None,
        "ceiling_per_s": _number(ceiling[1]) if ceiling else None,
        "process": int(process[1]) if process else None,
    }
    if cpu:
        found |= {"observed": int(cpu[1]) / 100, "limit": int(cpu[2]) / 100}
    elif lag:
        found |= {
            "code": "loop_lag" if "event loop" in sentence else "dispatch_lag",
            "observed": _number(lag["observed"]) / 1e3,
            "limit": _number(lag["limit"]) / 1e3,
            "statistic": lag["statistic"],
        }
    return found


def _round_ratios(ratios: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in ratios.items() if name != "unfit"}
    return kept | {"saturated": ratios.get("unfit", [])}


def _quantile_s(encoded: str, q: float) -> float | None:
    """A quantile of a stored histogram in seconds, as the library had it when this revision was made.

    The bucket of index i holds whole microseconds: 2048 buckets of 1 µs, then 1024 for each further doubling.
    """
    counts = np.ctypeslib.as_array(HdrHistogram.decode(encoded).counts).astype(np.int64)
    total = int(counts.sum())
    if not total:
        return None
    rank = max(1, math.ceil(q * total - 1e-9))
    index = int(np.searchsorted(np.cumsum(counts), rank))
    shift = max(0, (index >> 10) - 1)
    highest_us = ((index - (shift << 10)) << shift) + (1 << shift) - 1
    return highest_us / 1e6


def _number(text: str) -> float:
    return float(text.replace(",", ""))
