"""What people ask, asked for real: whether every answer is right, and what each costs a conversation."""
