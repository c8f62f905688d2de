"""Optimisation sessions: listed, shown, started, and simulated to their end."""
