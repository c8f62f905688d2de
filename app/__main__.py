"""The service's command line: ``python -m app``."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta

import click

from app.auth import SCOPES, Tokens
from app.check import findings
from app.database import Database
from app.schema import SchemaError
from app.seed import seed
from app.settings import Settings, SettingsError


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


@main.command()
@click.argument("name")
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, help="Repeatable; all when not given.")
@click.option("--ttl-days", type=click.FloatRange(min=0, min_open=True), help="For ever when not given.")
@click.option("--from-env", "variable", help="Take the token that this variable holds, as the only one of NAME.")
def token(name: str, scopes: tuple[str, ...], ttl_days: float | None, variable: str | None) -> None:
    """Make a token for NAME and print it; it can't be shown again."""
    ttl = timedelta(days=ttl_days) if ttl_days is not None else None
    tokens = Tokens(open_database())
    if variable is None:
        click.echo(tokens.issue(name, scopes or SCOPES, ttl))
        return
    try:
        tokens.accept(os.environ.get(variable, ""), name, scopes or SCOPES, ttl)
    except ValueError as error:
        raise click.ClickException(f"{variable}: {error}.") from None
    click.echo(f"The token in {variable} is the one of {name}.", err=True)


@main.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Revoke all tokens of NAME; the running service follows within ten seconds."""
    count = Tokens(open_database()).revoke(name)
    if not count:
        raise click.ClickException(f"There is no valid token of the name {name}.")
    click.echo(f"{count} revoked.", err=True)


if __name__ == "__main__":
    main()
