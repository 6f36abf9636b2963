"""Voicepipe and its peers on the same recordings, with the same models, turn about."""
