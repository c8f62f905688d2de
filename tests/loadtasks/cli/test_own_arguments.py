"""Passwords in the list of processes."""

import subprocess
import sys

import pytest

from loadtasks.cli.own_arguments import without_passwords
from tests.workspaces import PROJECT


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        ("http://user:pw@host:80/a", "http://user:**@host:80/a"),
        ("--target=https://user:p%40w@host", "--target=https://user:*****@host"),
        ("user:p@:w/@host:80", "user:*****@host:80"),
        ("http://key@host", "http://***@host"),
        ("http://:key@host", "http://:***@host"),
        ("http://host:80/a", "http://host:80/a"),
        ("sessions.filtered", "sessions.filtered"),
    ],
)
def test_what_stands_before_the_last_at_is_hidden(argument: str, shown: str) -> None:
    arguments = b"\0".join([b"python", b"-m", argument.encode(), b"x", b""])
    assert without_passwords(arguments) == b"\0".join([b"python", b"-m", shown.encode(), b"x", b""])


def test_a_process_shows_no_password_of_its_arguments_and_still_knows_it() -> None:
    script = (
        "import sys; from loadtasks.cli.own_arguments import hide_passwords; hide_passwords(); "
        "print(open('/proc/self/cmdline').read().split(chr(0))[3:-1], sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "http://a:pw1@h", "x"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['http://a:***@h', 'x'] ['http://a:pw1@h', 'x']"
