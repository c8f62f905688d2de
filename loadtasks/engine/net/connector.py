"""Opening connections to a target, timed.

A name is resolved before the clock of the first connect starts: the resolver's time is not the target's. Where a name
has several addresses they are tried one after the other until one accepts, each for its share of the time that is left
of the connect timeout (in the spirit of RFC 8305, but never two at once: a load must not open more connections than it
needs). The address that accepts is tried first from then on, and the others only when it no longer accepts.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import NamedTuple

from loadtasks.engine.internal_errors import internal_failure
from loadtasks.engine.net import tls
from loadtasks.engine.net.address import Address
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.failure import FailureError, RequestFailure
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.measurement.errors import ErrorCode
from loadtasks.measurement.model import NAME_RESOLUTION
from loadtasks.scenarios.model import CONNECT_TIMEOUT_S

_TELLING = (ErrorCode.CUT, ErrorCode.REFUSED, ErrorCode.CONNECT_TIMEOUT, ErrorCode.UNREACHABLE)
"""Of the failures of several addresses that which says most is reported: somebody was there, or nobody, or no route."""


class Connected(NamedTuple):
    """When a connection was opened. Times are those of `time.perf_counter`."""

    began: float
    """When it was begun; the target's name was resolved then."""
    ended: float
    """When it was established, TLS included."""

    @property
    def seconds(self) -> float:
        """How long it took, attempts at addresses that did not accept included."""
        return self.ended - self.began


class Connector:
    """Opens connections to one target. Its name is resolved once, and the address that accepted last is preferred."""

    def __init__(self, target: Target, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._address = Address.of(target)
        self._peers: list[str] = [self._address.host] if _is_ip(self._address.host) else []
        """The addresses of the target in the order in which they are tried; empty until its name is resolved."""
        self._resolving: asyncio.Task[list[str]] | None = None
        self._resolution_s: float | None = None
        self._failures: dict[str, ErrorCode] = {}
        """Why an address did not accept though another one did, by address."""

    async def connect(self, protocol: asyncio.Protocol) -> Connected:
        """Connect a protocol.

        Raises:
            ConnectError: refused, unreachable, too slow, TLS that doesn't verify, or an internal error.
        """
        try:
            return await self._connect(protocol)
        except ConnectError:
            raise
        except Exception as error:
            failure = internal_failure(error)
            raise ConnectError(failure.code, failure.text) from error

    async def _connect(self, protocol: asyncio.Protocol) -> Connected:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout_s
        peers = await self._resolved(deadline)
        began = perf_counter()
        failures: dict[str, RequestFailure] = {}
        for number, peer in enumerate(peers):
            now = loop.time()
            share_s = max(0.0, deadline - now) / (len(peers) - number)
            failure = await self._attempt(peer, protocol, now + share_s)
            if failure is None:
                self._prefer(peer, failures)
                return Connected(began, perf_counter())
            failures[peer] = failure
        raise _error(failures)

    def record(self, recorder: Recorder) -> None:
        """Record how long the target's name took to be resolved, and which of its addresses did not accept."""
        if self._resolution_s is not None:
            recorder.phase(NAME_RESOLUTION, self._resolution_s)
        for address, code in self._failures.items():
            recorder.connections.unreachable.setdefault(address, code)

    async def _resolved(self, deadline: float) -> Sequence[str]:
        """The addresses of the target, in the order in which they are tried."""
        if self._peers:
            return tuple(self._peers)
        if self._resolving is None or self._resolving.done():
            self._resolving = asyncio.get_running_loop().create_task(self._resolve())
            self._resolving.add_done_callback(_retrieve)
        host = self._address.host
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.shield(self._resolving)  # others wait for it, too
        except TimeoutError as error:
            raise ConnectError(
                ErrorCode.UNREACHABLE, f"the host name {host} was not resolved within {self._timeout_s:g} s"
            ) from error
        except OSError as error:
            raise ConnectError(
                ErrorCode.UNREACHABLE, f"the host name {host} can't be resolved ({error.strerror})"
            ) from error

    async def _resolve(self) -> list[str]:
        began = perf_counter()
        host, port = self._address.host, self._address.port
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        self._resolution_s = perf_counter() - began
        self._peers = list(dict.fromkeys(str(address[0]) for *_, address in found))
        return self._peers.copy()

    async def _attempt(self, peer: str, protocol: asyncio.Protocol, deadline: float) -> RequestFailure | None:
        """Connect to one address. Returns why it did not accept; None where it did.

        Raises:
            ConnectError: TLS failed: the target is there, so that no other address is tried.
        """
        began = asyncio.get_running_loop().time()
        address = self._address
        try:
            # Not wait_for: cancelled just when the connection is established, it returns as if it were not cancelled.
            async with asyncio.timeout_at(deadline):
                await asyncio.get_running_loop().create_connection(
                    lambda: protocol,
                    peer,
                    address.port,
                    ssl=address.tls,
                    server_hostname=address.host if address.tls else None,
                )
        except TimeoutError:
            return RequestFailure(ErrorCode.CONNECT_TIMEOUT, f"no connection within {round(deadline - began, 2):g} s")
        except ssl.SSLError as error:
            raise ConnectError(ErrorCode.TLS, tls.why(error)) from error
        except ConnectionRefusedError:
            return RequestFailure(ErrorCode.REFUSED, "connection refused")
        except ConnectionError as error:
            if address.tls:
                raise ConnectError(ErrorCode.TLS, tls.CLOSED_IN_HANDSHAKE) from error
            return RequestFailure(ErrorCode.CUT, "the connection was closed as soon as it was established")
        except OSError as error:
            return RequestFailure(ErrorCode.UNREACHABLE, f"no connection: {error}")
        return None

    def _prefer(self, peer: str, failures: Mapping[str, RequestFailure]) -> None:
        """Try an address first that has accepted, and remember those that have not."""
        for failed, failure in failures.items():
            self._failures[failed] = failure.code
        if self._peers[0] != peer:
            self._peers.remove(peer)
            self._peers.insert(0, peer)


class ConnectError(FailureError):
    """A connection that could not be opened."""


def _error(failures: Mapping[str, RequestFailure]) -> ConnectError:
    """Why none of a target's addresses accepted."""
    telling = min(failures.values(), key=lambda failure: _TELLING.index(failure.code))
    if len(failures) == 1:
        return ConnectError(telling.code, telling.text)
    each = "; ".join(f"{peer}: {failure.text}" for peer, failure in failures.items())
    return ConnectError(telling.code, f"none of the name's {len(failures)} addresses accepts a connection ({each})")


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _retrieve(resolving: "asyncio.Task[list[str]]") -> None:
    """Take a failure that nobody waits for any more, so that the event loop doesn't report it."""
    if not resolving.cancelled():
        resolving.exception()
