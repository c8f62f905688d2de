"""Why something is wrong: one module a trouble, each with rules that name a cause, its evidence and the next step."""
