"""AceDataCloud: two products on one host and one key, Suno's models and Producer's."""
