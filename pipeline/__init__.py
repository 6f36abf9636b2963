"""Voicepipe: answers calls with faster-whisper, an Ollama model and Piper."""

import os

# uvloop starts processes with fork(), and two libraries do not bear that in a busy service. Both read these when they
# are imported, which therefore comes later.
# gRPC's handlers of fork() fell over in one in five children (grpcio 1.85, under traffic): SIGSEGV before exec. They
# serve processes that use gRPC after a fork, and none here does.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # noqa: TID251
# OpenBLAS ends its threads at a fork; a product that they were working on is never finished, and all hearing of the
# process waits for it. Alone it has none, and our matrices are small.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # noqa: TID251
