"""Access tokens: signed, verified, revoked."""
