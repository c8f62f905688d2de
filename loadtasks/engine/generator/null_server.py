"""A server that does nothing: it responds to whatever it reads with the same 1 KiB.

Run as a program, it listens on a free port of 127.0.0.1, prints the port, and ends when its standard input is closed,
so that it can't outlive the process that started it. Each read is taken for one request, which is right for a client
that never pipelines and sends small requests.
"""

import asyncio
import sys
from typing import cast

import uvloop

_BODY = b"x" * 1024
_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)


class _Responder(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(_RESPONSE)


async def serve() -> None:
    """Serve until standard input is closed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Responder, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(serve())
