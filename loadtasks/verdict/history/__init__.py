"""A run compared with its baseline: the detector, its false-alarm budget, and what it finds."""
