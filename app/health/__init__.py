"""Liveness, readiness, version and metrics of an instance."""
