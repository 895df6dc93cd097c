"""Stand-ins for the paid providers: strict about what is documented, honest about money, and misbehaving on request."""
