"""Ways in. An entrance turns a client's messages into a Line, and the session's events into messages."""
