"""fal.ai: the queue, and the models in it that extend audio."""
