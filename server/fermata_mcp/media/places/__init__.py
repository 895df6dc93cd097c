"""Where a source was probably meant to be, and where a result is wanted."""
