"""What is done for a file that breaks, or is copied."""
