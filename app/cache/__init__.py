"""JSON documents that are kept for a while: in the process, or in Redis for all instances."""
