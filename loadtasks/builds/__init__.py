"""Builds that are started for one run: their processes and containers, which end with it whatever happens."""
