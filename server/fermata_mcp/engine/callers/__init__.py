"""What belongs to whom: whose token it is, whose caps, whose folder."""
