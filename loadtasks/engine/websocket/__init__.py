"""WebSockets: handshake, frames, connections, and the deliveries of events."""
