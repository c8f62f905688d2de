"""What one run of a scenario showed: the model, its histograms, and the registry of metrics."""
