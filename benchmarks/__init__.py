"""Measurements against the running service, by the same client that ``voicepipe call`` is."""
