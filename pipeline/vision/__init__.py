"""Vision: a picture that a caller sends becomes a note that the model can read."""
