"""Connections: targets and their addresses, TLS, sockets."""
