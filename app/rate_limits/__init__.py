"""How many requests a user may make, and where they are counted."""
