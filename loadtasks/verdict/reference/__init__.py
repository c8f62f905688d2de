"""A run compared with a reference in the same run: the sequential test of paired rounds."""
