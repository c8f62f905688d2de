"""WebSockets: the handshake, the protocol, and one thread that serves the connections of all clients."""
