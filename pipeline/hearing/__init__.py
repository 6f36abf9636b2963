"""Stage 1: sound becomes the caller's turn."""
