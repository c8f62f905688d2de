"""What it means: validity, targets, regressions, diagnosis, in this order."""
