"""What every request passes: authentication, errors, JSON responses, browser headers, injected faults."""
