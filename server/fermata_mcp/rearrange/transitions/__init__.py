"""Where one place of a track can go on as another, and how the change is made unheard."""
