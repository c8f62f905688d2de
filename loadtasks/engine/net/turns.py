"""Connections take turns: one that is flooded must not keep the event loop from the others, and from timeouts."""

import asyncio

LARGE_READ = 65_536
"""Bytes of one read. libuv goes on reading a connection that brings as much, up to 32 times before any other."""


def take_turns(transport: asyncio.Transport) -> None:
    """After a large read: read no more from a transport until the event loop has turned to everything else."""
    if not transport.is_closing():
        transport.pause_reading()
        asyncio.get_running_loop().call_soon(_go_on, transport)


def _go_on(transport: asyncio.Transport) -> None:
    if not transport.is_closing():
        transport.resume_reading()
