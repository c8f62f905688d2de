"""`python -m loadtasks`."""

from loadtasks.cli import main

main()
