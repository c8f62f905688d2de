"""How a scenario is sent: HTTP, WebSocket, load profiles, recording."""
