"""Alerts become messages, which are kept before they are sent, and know what they reported.

Revision ID: 0014
Revises: 0013
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_MOMENT = sa.DateTime(timezone=True)
_RUNS = sa.table(
    "runs",
    *(sa.column(name) for name in ("id", "service", "sequence", "verdict")),
    sa.column("started_at", _MOMENT),
)
_VERDICTS = sa.table(
    "verdicts",
    *(sa.column(name) for name in ("run_id", "scenario", "position", "verdict")),
    sa.column("findings", sa.JSON),
)
_REGRESSIONS = sa.table("regressions", *(sa.column(name) for name in ("id", "scenario", "part", "found_run")))
_ALERTS = sa.table(
    "alerts",
    *(sa.column(name) for name in ("id", "run_id", "channel", "subject", "where")),
    sa.column("sent_at", _MOMENT),
    sa.column("recipients", sa.JSON),
)


def upgrade() -> None:
    """Make the table, and keep what went out as delivered, with what it reported."""
    messages = op.create_table(
        "messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("run_started_at", _MOMENT, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("recipients", sa.JSON(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", _MOMENT, nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("delivered_at", _MOMENT, nullable=True),
        sa.Column("given_up_at", _MOMENT, nullable=True),
        sa.Column("where", sa.String(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("message_id", name=op.f("uq_messages_message_id")),
    )
    for column in ("service", "run_id", "state"):
        op.create_index(op.f(f"ix_messages_{column}"), "messages", [column])
    connection = op.get_bind()
    newest = sa.select(_RUNS.c.service, sa.func.max(_RUNS.c.sequence)).group_by(_RUNS.c.service)
    newest_of = {row[0]: row[1] for row in connection.execute(newest)}
    reported = sa.select(_ALERTS, _RUNS.c.service, _RUNS.c.sequence, _RUNS.c.started_at)
    for alert in connection.execute(
        reported.join_from(_ALERTS, _RUNS, _ALERTS.c.run_id == _RUNS.c.id).order_by(_ALERTS.c.id)
    ).mappings():
        is_newest = alert["sequence"] == newest_of[alert["service"]]
        connection.execute(
            messages.insert().values(
                service=alert["service"],
                run_id=alert["run_id"],
                sequence=alert["sequence"],
                run_started_at=alert["started_at"],
                kind="alert",
                channel=alert["channel"],
                message_id=f"<alert.{alert['id']}@before.revision.{revision}>",
                recipients=alert["recipients"],
                subject=alert["subject"],
                content="",
                topics=list(_topics(connection, alert, is_newest)),
                state="delivered",
                attempts=1,
                created_at=alert["sent_at"],
                delivered_at=alert["sent_at"],
                where=alert["where"],
                last_error="",
            )
        )
    op.drop_table("alerts")


def downgrade() -> None:
    """Refuse: what is pending would be lost."""
    raise NotImplementedError("messages that are pending can't be alerts that went out")


def _topics(connection: sa.Connection, alert: sa.RowMapping, is_newest: bool) -> Iterator[dict[str, Any]]:
    """What an alert reported: the regressions that its run had found.

    Missed targets and invalid scenarios were mailed with each run, so that those of the newest run are known. Those of
    earlier runs are over, or are mailed by a later one.
    """
    common = {"event": "began", "since": _text(alert["started_at"]), "since_run": alert["run_id"]}
    of_run = sa.select(_VERDICTS).where(_VERDICTS.c.run_id == alert["run_id"]).order_by(_VERDICTS.c.position)
    verdicts = {row["scenario"]: row for row in connection.execute(of_run).mappings()}
    for found in connection.execute(
        sa.select(_REGRESSIONS).where(_REGRESSIONS.c.found_run == alert["run_id"])
    ).mappings():
        verdict = verdicts.get(found["scenario"])
        findings = [
            finding
            for finding in (verdict["findings"] if verdict is not None else [])
            if finding["code"] == "regression" and finding.get("part", "") == found["part"]
        ]
        if findings:
            about = {"scenario": found["scenario"], "part": found["part"], "name": found["found_run"]}
            yield common | about | {"kind": "regression", "regression": found["id"], "findings": findings}
    if not is_newest:
        return
    for scenario, verdict in verdicts.items():
        groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        for finding in verdict["findings"]:
            if (place := _place(finding, verdict["verdict"])) is not None:
                groups.setdefault(place, []).append(finding)
        for (kind, part, name), findings in groups.items():
            yield common | {"kind": kind, "scenario": scenario, "part": part, "name": name, "findings": findings}


def _place(finding: dict[str, Any], verdict: str) -> tuple[str, str, str] | None:
    """The kind, part and name of the topic that a finding belongs to; None of one that is no topic."""
    kind = finding.get("kind")
    part, metric = finding.get("part", ""), finding.get("metric", "")
    if verdict == "invalid":
        return ("invalid", "", "") if kind == "validity" else None
    if kind == "target" and finding.get("severity") == "critical":
        parameters = finding.get("parameters", {})
        name = f"{parameters['suite']}#{parameters['number']}" if "number" in parameters else metric
        return "target", part, name
    return ("reference", part, metric) if finding["code"] == "reference_regression" else None


def _text(moment: Any) -> str:
    return f"{moment.replace(tzinfo=None).isoformat()}Z" if moment.tzinfo is None else moment.isoformat()
