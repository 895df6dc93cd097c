"""Who may do what, and what lets them: principals, tokens, keys, signed links."""
