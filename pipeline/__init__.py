"""Voicepipe: answers calls with faster-whisper, an Ollama model and Piper."""

import os

# gRPC's handlers of fork() fell over in one in five children that uvloop starts (grpcio 1.85, under traffic): SIGSEGV
# before exec. They serve processes that use gRPC after a fork, and none here does. It is read when gRPC is first used.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # noqa: TID251
