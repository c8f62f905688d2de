"""Signals that end a run early, in a process of their own: they are the test's subject."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workspaces import PROJECT

HEAD = """
import os, signal, sys, time
from loadtasks.interruption import concluding, interrupted_by_signals
def send(name): os.kill(os.getpid(), getattr(signal, name))
signal.signal(signal.SIGINT, signal.default_int_handler)
"""


def run(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", HEAD + code], cwd=PROJECT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_each_is_an_interrupt_while_something_is_measured(name: str) -> None:
    done = run(
        f"""
try:
    with interrupted_by_signals():
        send({name!r}); time.sleep(5)
except KeyboardInterrupt:
    print("interrupted")
"""
    )
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("sigint", ["default_int_handler", "SIG_IGN"])
def test_it_ends_an_event_loop_in_order_also_where_ctrl_c_is_ignored(name: str, sigint: str) -> None:
    if name == "SIGINT" and sigint == "SIG_IGN":
        pytest.skip("nothing is to happen")
    done = run(
        f"""
import asyncio, uvloop
signal.signal(signal.SIGINT, signal.{sigint})
async def main():
    try:
        send({name!r}); await asyncio.sleep(5)
    finally:
        print("closed")
try:
    with interrupted_by_signals(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
except KeyboardInterrupt:
    print("interrupted")
"""
    )
    assert done.stdout.split() == ["closed", "interrupted"], done


@pytest.mark.parametrize("sigint", ["default_int_handler", "SIG_DFL"])
def test_it_ends_an_event_loop_amid_a_callback_also_where_ctrl_c_is_the_systems_as_in_airflow(sigint: str) -> None:
    done = run(
        f"""
import asyncio, socket, uvloop
signal.signal(signal.SIGINT, signal.{sigint})
class Reading(asyncio.Protocol):
    def data_received(self, data):
        send("SIGTERM")
async def main():
    ours, theirs = socket.socketpair()
    await asyncio.get_running_loop().create_connection(Reading, sock=ours)
    theirs.send(b"x")
    await asyncio.sleep(2)
    print("it was lost")
try:
    with interrupted_by_signals(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
except KeyboardInterrupt:
    print("interrupted")
print(signal.getsignal(signal.SIGINT) is signal.{sigint})
"""
    )
    assert done.stdout.splitlines() == ["interrupted", "True"], done


def test_one_that_is_ignored_stays_ignored() -> None:
    done = run(
        """
signal.signal(signal.SIGHUP, signal.SIG_IGN)
with interrupted_by_signals():
    send("SIGHUP")
with concluding():
    send("SIGHUP")
print("as under nohup")
"""
    )
    assert done.stdout == "as under nohup\n", done


def test_the_first_one_while_concluding_is_noted_and_the_next_one_ends() -> None:
    done = run(
        """
with concluding(lambda: print("noted", flush=True)):
    send("SIGTERM"); send("SIGTERM"); send("SIGHUP")
    print("goes on", flush=True); time.sleep(0.7)
    send("SIGHUP")
    print("closed terminals don't count", flush=True)
    send("SIGTERM"); time.sleep(5)
"""
    )
    assert done.stdout.splitlines() == ["noted", "goes on", "closed terminals don't count"]
    assert done.returncode == -signal.SIGTERM


def test_after_an_interrupt_the_next_one_ends_the_conclusion() -> None:
    done = run(
        """
with concluding():
    send("SIGINT"); time.sleep(0.7)
    print("goes on", flush=True)
    send("SIGINT"); time.sleep(5)
"""
    )
    assert (done.stdout, done.returncode) == ("goes on\n", -signal.SIGINT)


def test_afterwards_signals_are_what_they_were() -> None:
    done = run(
        """
before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
with interrupted_by_signals(), concluding():
    pass
assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
"""
    )
    assert done.returncode == 0, done


def test_the_command_line_ends_alike_at_any_moment() -> None:
    done = run(
        """
import types
from loadtasks.__main__ import main
sys.modules["loadtasks.cli.main"] = types.SimpleNamespace(cli=lambda *_, **__: send("SIGTERM"))  # as amid its import
main([])
"""
    )
    assert (done.returncode, done.stderr) == (130, ""), done


def test_an_interrupt_amid_code_from_text_changes_no_exit_code(tmp_path: Path) -> None:
    code = """
import sys
from loadtasks.interruption import ignore_signals
try:
    exec("raise KeyboardInterrupt")
except KeyboardInterrupt:
    ignore_signals()
sys.exit(3)
"""
    (tmp_path / "interrupted.py").write_text(code)
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{PROJECT}"}
    assert subprocess.run([sys.executable, "-m", "interrupted"], env=environment, check=False).returncode == 3


def test_an_interrupt_amid_a_finalizer_is_not_lost() -> None:
    done = run(
        """
class Closing:
    def __del__(self):
        send("SIGTERM"); time.sleep(0.01)
try:
    with interrupted_by_signals():
        Closing()
        time.sleep(5)
        print("lost")
except KeyboardInterrupt:
    print("interrupted")
"""
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", ""), done
