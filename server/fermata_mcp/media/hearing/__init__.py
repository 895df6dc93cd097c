"""What a model is told of music that it goes on from."""
