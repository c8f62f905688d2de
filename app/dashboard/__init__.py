"""Statistics over all sessions."""
