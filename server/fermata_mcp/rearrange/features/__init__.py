"""What the music is like, moment by moment."""
