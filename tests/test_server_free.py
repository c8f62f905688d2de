"""`pytest --server-free` skips what starts a server or a process, in a test or in its fixtures, and nothing else."""

from pathlib import Path

import pytest

from tests.server_free import OPTION

ROOT = Path(__file__).resolve().parents[1]

TESTS = """
import socket, subprocess
import pytest

@pytest.fixture(scope="module")
def port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]

def test_plain():
    pass

@pytest.fixture
def prepared(processes):
    raise AssertionError("never reached")

def test_in_a_fixture(port):
    raise AssertionError("never reached")

def test_before_a_fixture_prepares(prepared):
    raise AssertionError("never reached")

def test_in_a_test():
    with pytest.raises(Exception):
        socket.create_server(("127.0.0.1", 0))

def test_process():
    subprocess.run(["true"])

def test_a_port_without_a_listener():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
"""


def test_skips_what_listens_or_starts_a_process(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("from tests.server_free import processes, pytest_addoption, pytest_configure")
    pytester.makepyfile(TESTS)
    pytester.makeini(f"[pytest]\npythonpath = {ROOT}")
    result = pytester.runpytest_subprocess(OPTION, "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, skipped=4)


def test_runs_everything_without_the_option(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("from tests.server_free import pytest_addoption, pytest_configure")
    pytester.makepyfile("import socket\ndef test_one():\n    socket.create_server(('127.0.0.1', 0)).close()")
    pytester.makeini(f"[pytest]\npythonpath = {ROOT}")
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
