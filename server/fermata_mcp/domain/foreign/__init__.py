"""What comes from elsewhere, read as data: text, addresses, paths."""
