"""What a file says of its music, carried into what is made of it; and what could not be carried, said."""
