"""The services that make music longer, each behind the same narrow protocol."""
