"""Voicepipe: answers calls with faster-whisper, an Ollama model and Piper."""
