"""The service's command line: ``python -m app``."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta

import click

from app.security.keys import signing_keys
from app.security.revocations import Revocations
from app.security.tokens import SCOPES, USUAL_SCOPES, check_name, sign
from app.self_check import findings
from app.sessions.sample_data import seed
from app.settings import Settings, SettingsError
from app.storage.database import Database
from app.storage.schema_version import SchemaError


def open_database(*, with_schema: bool = True) -> Database:
    """Open the database that the environment names.

    Raises:
        click.ClickException: It can't be used; the message is one sentence.
    """
    try:
        database = Database(Settings.from_environ().database_url)
        if with_schema:
            database.check_schema()
    except (SettingsError, SchemaError) as error:
        raise click.ClickException(str(error)) from None
    return database


@click.group()
def main() -> None:
    """Prepare the optimisation service; APP_DATABASE_URL names its database."""


@main.command()
def migrate() -> None:
    """Bring the tables and indexes up to date."""
    database = open_database(with_schema=False)
    try:
        database.create_schema()
    except SchemaError as error:
        raise click.ClickException(str(error)) from None
    click.echo("The schema is up to date.", err=True)


@main.command()
def check() -> None:
    """Tell whether the service could start with this environment; ends with 1 if something has to be mended."""
    found = list(findings(os.environ))
    for finding in found:
        click.echo(str(finding))
    sys.exit(any(finding.state == "fault" for finding in found))


@main.command("seed")
@click.option("--sessions", type=click.IntRange(min=0), default=20_000, show_default=True, help="Sessions to make.")
def seed_command(sessions: int) -> None:
    """Fill an empty database with sample data; a filled one is left alone."""
    made = seed(open_database(), sessions, datetime.now(UTC).date())
    click.echo(f"{made} sessions made." if made else "Nothing to do: the database has data.", err=True)


def _named(_context: click.Context, _parameter: click.Parameter, name: str) -> str:
    try:
        return check_name(name)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None


@main.command()
@click.argument("name", callback=_named)
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, help="Repeatable; else read, write.")
@click.option("--ttl-days", type=click.FloatRange(min=0, min_open=True), help="For ever when not given.")
def token(name: str, scopes: tuple[str, ...], ttl_days: float | None) -> None:
    """Sign a token for NAME and print it; it is kept nowhere."""
    ttl = timedelta(days=ttl_days) if ttl_days is not None else None
    try:
        key, *_ = signing_keys(Settings.from_environ())
        click.echo(sign(key, name, scopes or USUAL_SCOPES, ttl))
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("name", callback=_named)
def revoke(name: str) -> None:
    """Revoke all tokens of NAME issued until now; the running service follows within ten seconds."""
    Revocations(open_database()).revoke(name)
    click.echo(f"The tokens of {name} are revoked.", err=True)


if __name__ == "__main__":
    main()
