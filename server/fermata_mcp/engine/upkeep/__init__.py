"""What goes when it is old, and copies of what stays."""
