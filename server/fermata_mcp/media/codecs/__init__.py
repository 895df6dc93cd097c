"""Reading and writing samples: by libsndfile, and what that cannot by PyAV or an `ffmpeg` that is here."""
