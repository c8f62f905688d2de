"""What to send: scenarios, one YAML file an endpoint."""
