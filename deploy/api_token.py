"""Let the load tests in: the token of LOADTASKS_TOKEN becomes the only valid one of its name.

The API makes random tokens (`python -m app token`); here both sides have to know the token before either has started.
"""

from __future__ import annotations

import hashlib
import os
import sys
from datetime import UTC, datetime

from sqlalchemy import delete, insert, or_

from app.__main__ import open_database
from app.auth import SCOPES
from app.database import Database
from app.models import Token

NAME = "load tests"
SHORTEST = 32


def preset(database: Database, token: str) -> None:
    """Make a token valid for ever; earlier ones of the same name end."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    row = {"name": NAME, "sha256": digest, "scopes": " ".join(SCOPES), "created_at": datetime.now(UTC)}
    with database.write() as connection:
        connection.execute(delete(Token).where(or_(Token.name == NAME, Token.sha256 == digest)))
        connection.execute(insert(Token), row)


if __name__ == "__main__":
    given = os.environ.get("LOADTASKS_TOKEN", "")
    if len(given) < SHORTEST:
        sys.exit(f"LOADTASKS_TOKEN: must have at least {SHORTEST} characters, deploy/make_env.sh makes one.")
    preset(open_database(), given)
