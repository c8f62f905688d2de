"""WebSockets: how a connection becomes one, what is said on it, and one thread that serves those of all clients."""
