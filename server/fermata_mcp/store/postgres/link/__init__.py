"""The way to the server: connections, news, its clock, its tables."""
