"""From what a provider made to files here, placed in their track."""
