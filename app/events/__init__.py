"""Session events, published to WebSocket clients."""
