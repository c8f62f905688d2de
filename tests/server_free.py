"""`pytest --server-free`: skip each test where it listens on a socket or starts a process, and run all others.

Nothing has to be marked, so no mark can be forgotten: a new test that starts a server is skipped by itself. Hypothesis
tries fewer examples, for an answer that is soon there; the whole suite tries more.
"""

import socket
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest
from hypothesis import settings

OPTION = "--server-free"
_QUICK_PROFILE = "quick"
_STARTS = "subprocess.Popen"
"""The audit event of a process that starts."""


@pytest.fixture(scope="session")
def processes() -> None:
    """For a fixture that prepares much before it starts a process: where none may be started, it is skipped at once."""
    sys.audit(_STARTS, None, [], None, None)


class _Guard:
    """Refuses servers while a test runs, its fixtures included."""

    testing = False

    def install(self) -> None:
        listen = socket.socket.listen

        def guarded(listener: socket.socket, *backlog: int) -> None:
            if self.testing:
                self.skip()
            listen(listener, *backlog)

        socket.socket.listen = guarded  # type: ignore[assignment, method-assign]
        sys.addaudithook(self.audit)

    def audit(self, event: str, _arguments: tuple[Any, ...]) -> None:
        if event == _STARTS and self.testing:
            self.skip()

    def skip(self) -> NoReturn:
        pytest.skip("starts a server or a process; `make test` runs it")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        self.testing = True
        try:
            return (yield)
        finally:
            self.testing = False


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, action="store_true", help="skip tests where they listen on a socket or start a process")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption(OPTION):
        settings.register_profile(_QUICK_PROFILE, deadline=None, max_examples=15)
        settings.load_profile(_QUICK_PROFILE)
        guard = _Guard()
        guard.install()
        config.pluginmanager.register(guard, "server-free")
