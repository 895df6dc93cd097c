"""What people see and hear: terminals of any width and alphabet, finished tracks as pictures and as sound."""
