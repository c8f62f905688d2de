"""Opening connections to a target, timed."""

import asyncio
import socket
import ssl
from time import perf_counter

from loadtasks.engine.http.connection import ConnectionState, HttpConnection
from loadtasks.engine.http.exchange import ProblemError
from loadtasks.engine.http.request_encoder import Address
from loadtasks.engine.net import tls
from loadtasks.engine.net.target import Target
from loadtasks.measurement.errors import ErrorCode
from loadtasks.scenarios.model import CONNECT_TIMEOUT_S


class Connector:
    """Opens connections to one target, and knows its address once it has connected."""

    def __init__(self, target: Target, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._address = Address.of(target)
        self._peer: str | None = None

    async def connect(self, protocol: asyncio.Protocol) -> float:
        """Connect a protocol. Returns the seconds it took.

        Raises:
            ConnectError: refused, unreachable, too slow, or TLS that doesn't verify.
        """
        began = perf_counter()
        try:
            # Not wait_for: cancelled just as the connection stands, it returns as if nothing were.
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
                ErrorCode.UNREACHABLE, f"{self._address.host} is no known name ({error.strerror})"
            ) from error
        except OSError as error:
            raise ConnectError(ErrorCode.UNREACHABLE, f"no connection: {error}") from error
        return perf_counter() - began

    async def connect_http(self, connection: HttpConnection) -> float:
        """Connect one that is to send requests. Returns the seconds it took.

        Raises:
            ConnectError: as `connect`, and where the target hung up at once.
        """
        seconds = await self.connect(connection)
        if connection.state is not ConnectionState.IDLE:
            raise ConnectError(ErrorCode.CUT, "the connection was closed as soon as it stood")
        return seconds

    async def _connect(self, protocol: asyncio.Protocol) -> None:
        """Connect to the address that is known to work, or to the first one of the name that does."""
        peers = [self._peer] if self._peer is not None else await self._resolved()
        for peer in peers:
            try:
                await self._connect_to(peer, protocol)
            except ssl.SSLError:
                raise  # it is there
            except OSError:
                if peer == peers[-1]:
                    raise
            else:
                # Names are looked up once: the resolver's time is not the target's.
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


class ConnectError(ProblemError):
    """A connection that could not be opened."""
