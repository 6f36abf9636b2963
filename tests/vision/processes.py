"""Which of our children run for pictures."""

from pathlib import Path


def running(module: str) -> list[int]:
    """Return the processes that we have started and that run a module of ``pipeline.vision``."""
    threads = Path("/proc/self/task").iterdir()
    pids = [pid for thread in threads for pid in (thread / "children").read_text().split()]
    return [int(pid) for pid in pids if f"vision.{module}" in Path(f"/proc/{pid}/cmdline").read_text()]
