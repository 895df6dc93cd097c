"""What a caller asks for, from its arguments to what a provider will be sent."""
