"""Results databases brought together: one is exported to a file, and files are merged into one database."""
