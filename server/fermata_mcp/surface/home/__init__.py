"""The page for people at `/`: sign in, one's own tasks, and making a track longer."""
