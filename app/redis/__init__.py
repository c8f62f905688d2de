"""The connection to Redis, and messages between instances through it."""
