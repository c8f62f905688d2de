"""Why something is wrong: a module per kind of trouble, with rules that name a cause and the data behind it."""
