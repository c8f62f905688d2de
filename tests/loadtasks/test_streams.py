"""stdout and stderr that can't be written, or not with every character."""

import os
import subprocess
import sys

import pytest

from tests.workspaces import PROJECT

HEAD = "import sys; from loadtasks.streams import make_streams_steady; make_streams_steady(); "


def run(code: str, shell: str = 'exec "$@"', **environment: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        ["bash", "-c", shell, "bash", sys.executable, "-c", HEAD + code],
        cwd=PROJECT,
        env=os.environ | environment,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", b"12 us >= 3x ... ? ?\n"),
        ("latin-1", b"12 \xb5s >= 3\xd7 ... ? ?\n"),
        ("utf-8", "12 \u00b5s \u2265 3\u00d7 \u2026 \u540d ?\n".encode()),
    ],
)
def test_what_an_encoding_lacks_has_a_stand_in_or_a_question_mark(encoding: str, shown: bytes) -> None:
    for stream in ("stdout", "stderr"):
        done = run(
            f"sys.{stream}.write('12 \\u00b5s \\u2265 3\\u00d7 \\u2026 \\u540d \\ud800\\n')", PYTHONIOENCODING=encoding
        )
        assert getattr(done, stream) == shown
        assert done.returncode == 0


@pytest.mark.parametrize(
    "shell",
    [
        '"$@" | head -1 >/dev/null; exit ${PIPESTATUS[0]}',
        'exec "$@" >&-',
        'exec "$@" 2>&-',
        'exec "$@" >&- 2>&- <&-',
        'exec "$@" >/dev/full',
        'exec "$@" 2>/dev/full',
    ],
)
def test_a_stream_that_cannot_be_written_ends_nothing(shell: str) -> None:
    code = "[(print('x' * 1000), print('y' * 1000, file=sys.stderr)) for _ in range(1000)]; sys.exit(3)"
    done = run(code, shell)
    assert done.returncode == 3
    assert b"Exception" not in done.stderr
    assert (b"stdout can't be written (No space left on device)" in done.stderr) is (">/dev/full" in shell.split())


def test_what_was_closed_is_not_given_to_the_next_file_opened() -> None:
    done = run("sys.stderr.write(str(open('/dev/null').fileno()))", 'exec "$@" >&- <&-')
    assert int(done.stderr) > 2


def test_a_pipe_that_does_not_block_is_waited_for() -> None:
    code = "import os; os.set_blocking(1, False); print('x' * 300_000)"
    done = run(code, '"$@" | { sleep 0.3; wc -c; }; exit ${PIPESTATUS[0]}')
    assert (done.returncode, done.stdout.strip()) == (0, b"300001")
