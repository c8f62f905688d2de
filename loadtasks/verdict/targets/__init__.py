"""Targets: Great Expectations suites read and validated."""
