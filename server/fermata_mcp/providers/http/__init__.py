"""What providers that are reached over HTTP share."""
