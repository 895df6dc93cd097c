"""What operators see: counts, traces, and what the log tells of decisions."""
