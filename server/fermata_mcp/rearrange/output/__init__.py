"""From a timeline to a file."""
