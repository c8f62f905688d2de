"""The optimisation criteria and the history of their changes."""
