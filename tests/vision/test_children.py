"""How processes for pictures start beside a busy service."""

import json
import subprocess
import sys


def test_every_child_starts_however_busy_grpc_is() -> None:
    command = [sys.executable, "-m", "tests.vision.busy", "30"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    assert json.loads(done.stdout) == {"1": 30}  # each came as far as to find that there is no picture
