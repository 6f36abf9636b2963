"""How processes for pictures start beside a busy service."""

import json
import os
import subprocess
import sys

SET = {"GRPC_ENABLE_FORK_SUPPORT", "OPENBLAS_NUM_THREADS"}
"""What our package sets in its own process, and this one has from it already."""
START = "import pipeline, runpy; runpy.run_module('tests.vision.busy', run_name='__main__')"


def test_every_child_starts_and_harms_nothing_however_busy_grpc_and_numpy_are() -> None:
    environment = {name: value for name, value in os.environ.items() if name not in SET}  # noqa: TID251
    command = [sys.executable, "-c", START, "30"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=100)
    assert json.loads(done.stdout) == {"1": 30}  # each came as far as to find that there is no picture
