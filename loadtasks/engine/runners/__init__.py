"""One load profile driven against a target."""
