"""The conductor: one call from its first sound to its last event."""
