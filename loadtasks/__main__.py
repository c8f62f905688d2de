"""The command line: `loadtasks`, or `python -m loadtasks`."""

from loadtasks.cli.own_arguments import hide_passwords


def main() -> None:
    """Run the command line. The passwords in its arguments are hidden first."""
    hide_passwords()
    from loadtasks.cli.main import main as run  # noqa: PLC0415 - takes a second

    run()


if __name__ == "__main__":
    main()
