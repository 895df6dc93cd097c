"""Files of others are opened in a process of their own; this is both of its sides and what they say."""
