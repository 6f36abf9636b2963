"""Benchmarks of what stands between the transcript and the answer."""
