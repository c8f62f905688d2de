"""The table of messages: claimed by one process at a time, in SQLite and PostgreSQL, and filled from older alerts."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, insert, make_url

from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.message import Channel, Message, MessageKind, MessageState
from loadtasks.results.message_store import CLAIM
from loadtasks.results.rows import run_values, verdict_row
from loadtasks.results.schema import VerdictRow
from loadtasks.results.store import Store
from tests.loadtasks.report.samples import worse
from tests.loadtasks.results.test_migrations import tables_of
from tests.measurements import SERVICE, STARTED_AT, run
from tests.stored_runs import DASHBOARD, SESSIONS, invalid, missed

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)


def message(number: int = 1, **changes: Any) -> Message:
    plausible = {
        "service": SERVICE,
        "run_id": "run",
        "sequence": 1,
        "run_started_at": STARTED_AT,
        "kind": MessageKind.ALERT,
        "channel": Channel.MAIL,
        "message_id": f"<{number}@localhost>",
        "recipients": ["a@localhost"],
        "subject": "s",
        "content": "Subject: s\r\n\r\n",
        "next_attempt_at": NOW,
        "created_at": NOW,
    }
    return Message(**(plausible | changes))


def saved(store: Store, number: int = 1, **changes: Any) -> Message:
    kept = store.messages.save(message(number, **changes))
    assert kept is not None
    return kept


def test_of_many_that_claim_a_message_at_once_one_gets_it(url: str) -> None:
    with Store.open(url) as store, ThreadPoolExecutor(4) as pool:
        kept = saved(store)
        claims = list(pool.map(lambda _: store.messages.claim(kept.id, NOW), range(8)))
    assert [claim.attempts for claim in claims if claim is not None] == [1]


def test_a_claim_expires_and_a_settled_message_is_claimed_by_nobody(url: str) -> None:
    with Store.open(url) as store:
        kept = saved(store)
        assert store.messages.claim(kept.id, NOW) is not None
        assert store.messages.claim(kept.id, NOW + CLAIM / 2) is None
        assert store.messages.claim(kept.id, NOW + CLAIM) is not None
        store.messages.deliver(kept.id, "there")
        assert store.messages.claim(kept.id, NOW + 9 * CLAIM) is None


def test_a_claim_of_a_clock_that_was_ahead_blocks_nothing(url: str) -> None:
    with Store.open(url) as store:
        kept = saved(store)
        assert store.messages.claim(kept.id, NOW + timedelta(days=3650)) is not None
        assert store.messages.claim(kept.id, NOW) is not None


def test_a_message_is_not_kept_where_another_one_came_first(url: str) -> None:
    with Store.open(url) as store:
        first = saved(store)
        saved(store, 2, service="another")
        assert store.messages.save(message(3), newest=0) is None
        assert store.messages.save(message(3), newest=first.id) is not None


def test_all_of_a_message_is_kept_and_those_pending_come_oldest_first(url: str) -> None:
    with Store.open(url) as store:
        kept = [saved(store, number) for number in (1, 2, 3)]
        assert kept[0] == message(1).model_copy(update={"id": kept[0].id})
        store.messages.deliver(kept[1].id, "there", refused="not to b@localhost")
        store.messages.give_up(kept[0].id, "550 no")
        assert [one.id for one in store.messages.pending()] == [kept[2].id]
        newest = store.messages.newest_first(SERVICE, limit=1)
        assert [one.state for one in newest] == [MessageState.PENDING]
        assert [one.id for one in store.messages.reported(SERVICE)] == [kept[1].id, kept[2].id]


def keep_run(connection: Connection, tables: Any, number: int, findings: dict[str, list[Finding]]) -> str:
    """A run as revision 0013 kept it, judged."""
    made = run(f"run-{number}", sequence=number, started_at=STARTED_AT + timedelta(days=number))
    columns = {column.name for column in tables["runs"].columns}
    connection.execute(insert(tables["runs"]).values({name: run_values(made).get(name) for name in columns}))
    for position, (scenario, found) in enumerate(findings.items()):
        kinds = {finding.kind.value for finding in found}
        verdict = Verdict.INVALID if "validity" in kinds else Verdict.FAIL
        row = verdict_row(made.id, position, ScenarioVerdict(scenario=scenario, verdict=verdict, findings=found))
        values = {column.name: getattr(row, column.name) for column in VerdictRow.__table__.columns}
        connection.execute(insert(tables["verdicts"]).values(values))
    return made.id


def keep_alert(connection: Connection, tables: Any, run_id: str) -> None:
    connection.execute(
        insert(tables["alerts"]).values(
            run_id=run_id,
            sent_at=NOW,
            channel="e-mail",
            recipients=["a@b"],
            subject=f"[FAIL] {run_id}",
            where="a@b, by the mail server smtp",
        )
    )


def test_alerts_of_revision_0013_are_delivered_messages_that_know_what_they_reported(url: str) -> None:
    if (database := make_url(url)).get_backend_name() == "sqlite":
        Path(str(database.database)).parent.mkdir(parents=True)
    engine = create_engine(url)
    with engine.begin() as connection:
        tables = tables_of(connection, "0013").tables
        first = keep_run(connection, tables, 1, {DASHBOARD: [worse("p50_s", 0.2, 0.1), missed("p99_s")]})
        second = keep_run(connection, tables, 2, {DASHBOARD: [missed("p99_s")], SESSIONS: [worse("p50_s", 2, 1)]})
        third = keep_run(connection, tables, 3, {DASHBOARD: [missed()], SESSIONS: [invalid()]})
        for number, scenario, found_run in ((7, DASHBOARD, first), (8, SESSIONS, second)):
            connection.execute(
                insert(tables["regressions"]).values(
                    id=number,
                    service=SERVICE,
                    scenario=scenario,
                    part="",
                    first_run=first,
                    found_run=found_run,
                    changes=[],
                )
            )
        keep_alert(connection, tables, first)
        keep_alert(connection, tables, third)
    engine.dispose()
    with Store.open(url) as store:
        messages = store.messages.newest_first()[::-1]
        reported = store.messages.reported(SERVICE)
    assert [(one.run_id, one.state, one.subject) for one in messages] == [
        (first, MessageState.DELIVERED, "[FAIL] run-1"),
        (third, MessageState.DELIVERED, "[FAIL] run-3"),
    ]
    assert messages[0].delivered_at == NOW
    assert [
        [(topic.kind, topic.scenario, topic.name, topic.regression) for topic in one.topics] for one in reported
    ] == [
        [("regression", DASHBOARD, first, 7)],
        [("target", DASHBOARD, "p95_s", None), ("invalid", SESSIONS, "", None)],
    ]
    assert reported[1].topics[0].findings == (missed(),)
    assert reported[1].topics[0].since == STARTED_AT + timedelta(days=3)
    assert json.loads(reported[1].model_dump_json())
