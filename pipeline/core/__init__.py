"""The vocabulary: clock, audio, events, stage protocols, errors and spans. Standard library only, no I/O."""
