"""How processes for pictures start beside a busy service, and what they are to the system."""

import json
import os
import subprocess
import sys

import pytest

from pipeline.vision.children import started


def test_every_child_starts_and_harms_nothing_however_busy_grpc_and_numpy_are() -> None:
    command = [sys.executable, "-m", "tests.vision.busy", "30"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    assert json.loads(done.stdout) == {"1": 30}  # each came as far as to find that there is no picture


@pytest.mark.anyio
async def test_a_child_is_out_of_reach_of_ctrl_c_and_in_our_session_where_its_low_priority_counts() -> None:
    async with await started("scrub", 1600, 1_000_000) as child:
        number = child.process.pid
        assert os.getpgid(number) == number
        assert os.getsid(number) == os.getsid(0)
    assert child.process.returncode is not None  # behind the context it is gone
