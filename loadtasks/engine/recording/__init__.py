"""What happened to every request, counted: recorder, phases, exemplars, ratios of rounds."""
