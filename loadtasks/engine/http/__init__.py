"""HTTP/1.1: requests encoded, the state of a connection, checks on responses."""
