"""The commands about messages: what became of each mail, and sending what is pending."""

import click

from loadtasks import steps
from loadtasks.cli import options
from loadtasks.report import listings, terminal
from loadtasks.results.store import Store
from loadtasks.steps import RunContext


@click.group(invoke_without_command=True)
@options.limit("Most to list.")
@options.setting("service")
@click.pass_context
def messages(invocation: click.Context, limit: int) -> None:
    """List the messages of a service, or of all, and whether they were delivered, or send what is pending.

    The newest are listed, and every pending one.
    """
    if invocation.invoked_subcommand is None:
        _list_messages(limit)


@options.with_context
def _list_messages(context: RunContext, limit: int) -> None:
    with Store.open(context.workspace.results_url) as store:
        listings.show_messages(store.messages.newest_first(context.settings.service, limit))


@messages.command()
@options.with_context
def send(context: RunContext) -> None:
    """Send what is pending now, instead of with the next run.

    The mails go through the server of LOADTASKS_SMTP_URL. In Airflow, each run sends them through its SMTP connection.
    """
    sent = steps.send_pending(context)
    for message in sent:
        terminal.say(f"Sent to {message.where}: {message.subject}")
    if not sent:
        terminal.say("Nothing is pending.")
