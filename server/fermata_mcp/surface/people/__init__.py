"""Questions to the person behind a client: whether to spend, to play, to buy credits."""
