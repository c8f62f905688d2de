"""The service's command line: `python -m app`."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta

import click

from app.security.keys import signing_keys
from app.security.revocations import Revocations
from app.security.tokens import DEFAULT_SCOPES, SCOPES, check_name, issue_token
from app.self_check import run_checks
from app.sessions.sample_data import insert_sample_data
from app.settings import Settings, SettingsError
from app.storage.database import AppDatabase
from app.storage.schema_version import SchemaError


def open_database(*, with_schema: bool = True) -> AppDatabase:
    """Open the database that the environment names.

    Raises:
        click.ClickException: The database can't be used; the message is one sentence.
    """
    try:
        database = AppDatabase(Settings.from_environ().database_url)
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
    """Check whether the service could start with this environment; the exit code is 1 if it couldn't."""
    results = list(run_checks(os.environ))
    for result in results:
        click.echo(str(result))
    sys.exit(any(result.state == "fault" for result in results))


@main.command("seed")
@click.option("--sessions", type=click.IntRange(min=0), default=20_000, show_default=True, help="Number of sessions.")
def seed_command(sessions: int) -> None:
    """Insert sample data into an empty database; a database with data is left unchanged."""
    inserted = insert_sample_data(open_database(), sessions, datetime.now(UTC).date())
    click.echo(f"{inserted} sessions inserted." if inserted else "Nothing to do: the database has data.", err=True)


def _validate_name(_context: click.Context, _parameter: click.Parameter, name: str) -> str:
    try:
        return check_name(name)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None


@main.command()
@click.argument("name", callback=_validate_name)
@click.option(
    "--scope", "scopes", type=click.Choice(SCOPES), multiple=True, help="May be repeated; default: read and write."
)
@click.option("--ttl-days", type=click.FloatRange(min=0, min_open=True), help="Days until it expires; default: never.")
def token(name: str, scopes: tuple[str, ...], ttl_days: float | None) -> None:
    """Issue a token for the user NAME and print it; it is stored nowhere."""
    ttl = timedelta(days=ttl_days) if ttl_days is not None else None
    try:
        key, *_ = signing_keys(Settings.from_environ())
        click.echo(issue_token(key, name, scopes or DEFAULT_SCOPES, ttl))
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("name", callback=_validate_name)
def revoke(name: str) -> None:
    """Revoke all tokens of the user NAME issued until now; a running service applies it within ten seconds."""
    Revocations(open_database()).revoke(name)
    click.echo(f"The tokens of {name} are revoked.", err=True)


if __name__ == "__main__":
    main()
