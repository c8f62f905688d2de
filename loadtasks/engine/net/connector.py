"""Opening connections to a target, timed."""

import asyncio
import socket
import ssl
from time import perf_counter

from loadtasks.engine.net import tls
from loadtasks.engine.net.address import Address
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.failure import FailureError
from loadtasks.measurement.errors import ErrorCode
from loadtasks.scenarios.model import CONNECT_TIMEOUT_S


class Connector:
    """Opens connections to one target. Its name is resolved once, and the first address that accepts is kept."""

    def __init__(self, target: Target, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._address = Address.of(target)
        self._peer: str | None = None

    async def connect(self, protocol: asyncio.Protocol) -> float:
        """Connect a protocol. Returns the seconds that it took, TLS included.

        Raises:
            ConnectError: refused, unreachable, too slow, or TLS that doesn't verify.
        """
        began = perf_counter()
        try:
            # Not wait_for: cancelled just when the connection is established, it returns as if it were not cancelled.
            async with asyncio.timeout(self._timeout_s):
                await self._connect(protocol)
        except TimeoutError as error:
            raise ConnectError(ErrorCode.CONNECT_TIMEOUT, f"no connection within {self._timeout_s:g} s") from error
        except ssl.SSLError as error:
            raise ConnectError(ErrorCode.TLS, tls.why(error)) from error
        except ConnectionRefusedError as error:
            raise ConnectError(ErrorCode.REFUSED, "connection refused") from error
        except socket.gaierror as error:
            raise ConnectError(
                ErrorCode.UNREACHABLE, f"the host name {self._address.host} can't be resolved ({error.strerror})"
            ) from error
        except OSError as error:
            raise ConnectError(ErrorCode.UNREACHABLE, f"no connection: {error}") from error
        return perf_counter() - began

    async def _connect(self, protocol: asyncio.Protocol) -> None:
        """Connect to the address that accepted before, or to the first one of the name that accepts."""
        peers = [self._peer] if self._peer is not None else await self._resolved()
        for peer in peers:
            try:
                await self._connect_to(peer, protocol)
            except ssl.SSLError:
                raise  # the target is there
            except OSError:
                if peer == peers[-1]:
                    raise
            else:
                # A name is resolved once: the resolver's time is not the target's.
                self._peer = peer
                return

    async def _resolved(self) -> list[str]:
        host, port = self._address.host, self._address.port
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    async def _connect_to(self, peer: str, protocol: asyncio.Protocol) -> None:
        address = self._address
        await asyncio.get_running_loop().create_connection(
            lambda: protocol,
            peer,
            address.port,
            ssl=address.tls,
            server_hostname=address.host if address.tls else None,
        )


class ConnectError(FailureError):
    """A connection that could not be opened."""
