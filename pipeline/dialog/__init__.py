"""Stage 2: the caller's turn becomes text to say."""
