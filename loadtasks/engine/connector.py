"""Opening connections to a target, timed."""

import asyncio
import ssl
from time import perf_counter

from loadtasks.engine import tls
from loadtasks.engine.target import Target
from loadtasks.engine.wire import Address
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
        address = self._address
        try:
            transport, _ = await asyncio.wait_for(
                asyncio.get_running_loop().create_connection(
                    lambda: protocol,
                    self._peer or address.host,
                    address.port,
                    ssl=address.tls,
                    server_hostname=address.host if address.tls else None,
                ),
                self._timeout_s,
            )
        except TimeoutError as error:
            raise ConnectError("connect_timeout", f"no connection within {self._timeout_s:g} s") from error
        except ssl.SSLError as error:
            raise ConnectError("tls", tls.why(error)) from error
        except ConnectionRefusedError as error:
            raise ConnectError("refused", "connection refused") from error
        except OSError as error:
            raise ConnectError("unreachable", f"no connection: {error}") from error
        # Names are looked up once: the resolver's time is not the target's.
        self._peer = transport.get_extra_info("peername")[0]
        return perf_counter() - began


class ConnectError(Exception):
    """A connection that could not be opened."""

    def __init__(self, kind: str, description: str) -> None:
        super().__init__(description)
        self.kind = kind
