"""What was measured, kept: the words of a run, the database, and the results document."""
