"""What comes back over HTTP: bounded, without keys, and taken apart."""
