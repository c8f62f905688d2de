"""An interrupt of what the Makefile calls, at a moment when the interpreter can't raise one."""

import subprocess
import sys

from tests.workspaces import PROJECT

AMID_A_COLLECTION = """
import signal, weakref
from scripts import Interruption

class Thing: pass

interruption = Interruption()
interruption.install()
thing = Thing()
gone = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGTERM))
del thing
try:
    interruption.check()
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_amid_a_garbage_collection_is_raised_by_the_next_check_and_prints_no_traceback() -> None:
    command = [sys.executable, "-c", AMID_A_COLLECTION]
    ended = subprocess.run(command, check=False, cwd=PROJECT, capture_output=True, text=True)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("interrupted\n", "", 0)
