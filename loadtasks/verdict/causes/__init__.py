"""Why something is wrong: one module per kind of trouble, with rules that name a cause and the data that supports it."""
