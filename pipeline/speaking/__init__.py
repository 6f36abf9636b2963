"""Stage 3: text becomes paced sound."""
