"""What callers are told: each result once as data and once as text, with the same facts."""
