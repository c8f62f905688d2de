"""`python -m loadtasks`."""

from loadtasks.cli.main import main

main()
