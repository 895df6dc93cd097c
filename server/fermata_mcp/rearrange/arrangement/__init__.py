"""Which transitions are taken, how often and in which order."""
