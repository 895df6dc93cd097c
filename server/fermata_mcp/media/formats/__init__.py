"""What the bytes of audio formats say, read without a decoder."""
