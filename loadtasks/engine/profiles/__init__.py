"""When requests are due: pacers, stages, shares of several processes, rounds. Pure computation."""
