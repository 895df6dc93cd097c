"""What a model can read before it lengthens music: skills, as the protocol's extension serves them."""
