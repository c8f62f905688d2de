"""The commands about messages: what became of each, sending what is pending, and trying where news go."""

import click

from loadtasks import steps
from loadtasks.cli import options
from loadtasks.errors import BadInputError
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

    Mails go through the server of LOADTASKS_SMTP_URL, other messages to the addresses of LOADTASKS_NOTIFY_URLS. In
    Airflow, each run sends them through its connections.
    """
    sent = steps.send_pending(context)
    for message in sent:
        terminal.say(f"Sent to {message.where}: {message.subject}")
    if not sent:
        terminal.say("Nothing is pending.")


@messages.command()
@options.with_context
def test(context: RunContext) -> None:
    """Send a test message through LOADTASKS_SMTP_URL and to each address of LOADTASKS_NOTIFY_URLS.

    The exit code is 2 where any could not be sent, or there is nowhere to send it to.
    """
    tested = []
    for channel in steps.send_test_messages(context):
        tested.append(channel)
        said = f"not sent ({channel.problem})" if channel.problem else "sent"
        terminal.say(f"{channel.where}: {said}")
    if not tested:
        raise BadInputError(
            "there is nowhere to send a test message to: set LOADTASKS_SMTP_URL or LOADTASKS_NOTIFY_URLS."
        )
    if failed := [channel for channel in tested if channel.problem]:
        raise BadInputError(f"{len(failed)} of {len(tested)} test messages could not be sent.")
