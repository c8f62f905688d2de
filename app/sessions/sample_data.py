"""Sample data, a function of the number of sessions and the day."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import func, insert, select

from app.sessions.simulation import draw_results
from app.storage.database import AppDatabase
from app.storage.models import Model, OptimizationSession, Status, Technique

SEED = 20_250_101
DAYS = 90
# Share of the sessions, the most recent ones, that are still open.
OPEN_SHARE = 0.02
BATCH = 5_000

ENDED_WEIGHTS = {Status.COMPLETED: 84, Status.FAILED: 10, Status.CANCELLED: 6}
OPEN_WEIGHTS = {Status.QUEUED: 2, Status.RUNNING: 3}
FAILURES = ("the accuracy fell below the limit", "out of memory", "the time limit was reached")

MODELS = (
    ("resnet-18", "resnet", 11_689_512),
    ("resnet-50", "resnet", 25_557_032),
    ("mobilenet-v3-large", "mobilenet", 5_483_032),
    ("efficientnet-b0", "efficientnet", 5_288_548),
    ("vit-base-16", "vit", 86_567_656),
    ("yolov8-m", "yolo", 25_902_640),
    ("bert-base", "bert", 109_482_240),
    ("distilbert-base", "bert", 66_362_880),
    ("roberta-large", "bert", 355_359_744),
    ("t5-small", "t5", 60_506_624),
    ("whisper-base", "whisper", 72_593_920),
    ("llama-3.2-1b", "llama", 1_235_814_400),
)


def insert_sample_data(database: AppDatabase, sessions: int, today: date) -> int:
    """Fill an empty database; a database that has models is left unchanged.

    Args:
        database: A database with its schema.
        sessions: How many sessions to insert, spread over the 90 days before today.
        today: The current UTC day.

    Returns:
        How many sessions were inserted.
    """
    with database.write() as connection:
        if connection.scalar(select(func.count()).select_from(Model)):
            return 0
        models = [{"id": i, "name": n, "family": f, "parameters": p} for i, (n, f, p) in enumerate(MODELS, start=1)]
        connection.execute(insert(Model), models)
        rows = make_sessions(sessions, today)
        # With a RETURNING clause SQLAlchemy sends many rows per statement to PostgreSQL.
        statement = insert(OptimizationSession).returning(OptimizationSession.id)
        while batch := list(islice(rows, BATCH)):
            connection.execute(statement, batch)
    database.analyze()
    return sessions


def make_sessions(count: int, today: date) -> Iterator[dict[str, Any]]:
    """Generate the rows of the sessions, oldest first."""
    generator = random.Random(SEED)  # noqa: S311
    midnight = datetime.combine(today, time(), UTC)
    # A triangular distribution: the number of sessions grows from week to week.
    ages_s = sorted((round(generator.triangular(0, DAYS * 86_400, 0), 3) for _ in range(count)), reverse=True)
    first_open = count - int(count * OPEN_SHARE)
    for index, age_s in enumerate(ages_s):
        yield _make_session(
            generator, midnight - timedelta(seconds=age_s), OPEN_WEIGHTS if index >= first_open else ENDED_WEIGHTS
        )


def _make_session(generator: random.Random, created_at: datetime, statuses: dict[Status, int]) -> dict[str, Any]:
    status = generator.choices(list(statuses), list(statuses.values()))[0]
    progress = {Status.QUEUED: 0.0, Status.COMPLETED: 1.0}.get(status, round(generator.random(), 2))
    results: dict[str, Any] = dict.fromkeys(("size_reduction", "speedup", "accuracy_change"))
    return {
        "model_id": generator.randint(1, len(MODELS)),
        "technique": generator.choice(list(Technique)).value,
        "status": status.value,
        "progress": progress,
        **(draw_results(generator) if status == Status.COMPLETED else results),
        "failure": generator.choice(FAILURES) if status == Status.FAILED else None,
        "criteria": None,
        "simulated": False,
        "created_at": created_at,
        "created_on": created_at.date(),
        "updated_at": created_at + timedelta(seconds=round(generator.uniform(60, 3600), 3)),
    }
