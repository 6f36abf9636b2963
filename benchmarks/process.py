"""The service's process while it is measured: memory, threads, files, processor time; and its metrics."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from anyio import to_thread

_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Look:
    """The service's process at one moment."""

    at: float
    rss_mib: float
    threads: int
    files: int
    calls: int
    cpu: float
    """Seconds of processor time that it has used since it was started."""


async def look(at: float, http: str, pid: int) -> Look:
    """Return the state of the service's process now."""
    status, stat, files = await to_thread.run_sync(_process, Path("/proc") / str(pid))
    numbers = {key: int(value) for key, value in re.findall(r"^(VmRSS|Threads):\s+(\d+)", status, re.MULTILINE)}
    active = re.search(r"^voicepipe_calls_active (\S+)", await scrape(http), re.MULTILINE)
    return Look(
        at=round(at, 1),
        rss_mib=round(numbers["VmRSS"] / 1024, 1),
        threads=numbers["Threads"],
        files=files,
        calls=round(float(active.group(1))) if active else -1,
        cpu=round(cpu_seconds(stat), 2),
    )


async def scrape(http: str) -> str:
    """Return the service's metrics as Prometheus reads them."""
    async with httpx.AsyncClient() as client:
        return (await client.get(f"http://{http}/metrics")).text


def cpu_seconds(stat: str) -> float:
    """Return user and system time out of ``/proc/PID/stat``. Pure.

    Source: proc(5): fields 14 and 15, in clock ticks; the second field may hold spaces and ends with a bracket.
    """
    behind_name = stat.rpartition(")")[2].split()
    return (int(behind_name[11]) + int(behind_name[12])) / _CLOCK_TICKS


def counted(before: str, after: str, metric: str, label: str) -> dict[str, float]:
    """Return by how much a counter with one label grew between two scrapes, by the label's values. Pure."""
    pattern = re.compile(rf'^{metric}_total\{{{label}="(\w+)"\}} (\S+)$', re.MULTILINE)
    earlier = {name: float(value) for name, value in pattern.findall(before)}
    return {name: float(value) - earlier.get(name, 0.0) for name, value in pattern.findall(after)}


def speculations(before: str, after: str) -> dict[str, float]:
    """Return what became of speculative replies between two scrapes, and the share that was committed. Pure."""
    counts: Mapping[str, float] = counted(before, after, "voicepipe_speculations", "outcome")
    begun = sum(value for name, value in counts.items() if name != "refused")
    return {**counts, "hit_rate": round(counts.get("committed", 0.0) / begun, 3) if begun else 0.0}


def _process(folder: Path) -> tuple[str, str, int]:
    return (folder / "status").read_text(), (folder / "stat").read_text(), len(list((folder / "fd").iterdir()))
