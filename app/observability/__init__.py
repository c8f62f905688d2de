"""What a request leaves behind: metrics, phases in `Server-Timing`, correlation ids, log lines."""
