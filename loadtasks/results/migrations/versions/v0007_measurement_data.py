"""Errors and generator health are kept as codes with numbers, and the protocol of each measurement is kept.

Revision ID: 0007
Revises: 0006
"""

import re
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_PUBLISHING = "publish: "
_WEBSOCKET_LOAD = re.compile(r"connections at once|to \d+ listeners")
_PROCESS = re.compile(r"process (\d+): ")
_CPU = re.compile(r"used (\d+)% of a core \(limit (\d+)%\)")
_LAG = re.compile(r"(?P<observed>[\d,.]+) ms \((?P<statistic>p99|median), limit (?P<limit>[\d,.]+) ms")
_SENT = re.compile(r"at ([\d,]+) requests/s")
_CEILING = re.compile(r"of the ([\d,]+)/s that it can send")
_MAX_CPU_SHARE = 0.9

_MEASUREMENTS = sa.table(
    "measurements",
    sa.column("id", sa.Integer),
    sa.column("load", sa.String),
    sa.column("protocol", sa.String),
    sa.column("errors", sa.JSON),
    sa.column("health", sa.JSON),
)
_PAIRINGS = sa.table(
    "pairings",
    sa.column("run_id", sa.String),
    sa.column("scenario", sa.String),
    sa.column("reference", sa.JSON),
    sa.column("pairs", sa.JSON),
)


def upgrade() -> None:
    """Add the column, and rewrite what is kept as JSON."""
    op.add_column("measurements", sa.Column("protocol", sa.String(), nullable=False, server_default="http"))
    connection = op.get_bind()
    for row in connection.execute(sa.select(_MEASUREMENTS)).mappings().all():
        connection.execute(
            sa.update(_MEASUREMENTS)
            .where(_MEASUREMENTS.c.id == row["id"])
            .values(
                protocol=_protocol(row["load"]),
                errors=_errors(row["errors"]),
                health=_health(row["health"]),
            )
        )
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
    return measurement | {
        "protocol": _protocol(measurement["load"]),
        "errors": _errors(measurement["errors"]),
        "health": _health(measurement["health"]),
    }


def _protocol(load: str) -> str:
    """`websocket` where the load is one of WebSockets, and of a mixed one where all parts are."""
    parts = load.removeprefix("at the same time: ").split("; ")
    return "websocket" if all(_WEBSOCKET_LOAD.search(part) for part in parts) else "http"


def _errors(errors: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "code": error["kind"].removeprefix(_PUBLISHING),
            "count": error["count"],
            "sample": error["example"],
            "publishing": error["kind"].startswith(_PUBLISHING),
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


def _number(text: str) -> float:
    return float(text.replace(",", ""))
