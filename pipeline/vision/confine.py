"""Confines a process that works on what strangers have sent: memory, time, files. Linux."""

import os
import resource

NICE = 10
"""How readily the process lets others have the processor: a call's sound comes first."""
FILES = 64
"""Open files at once."""


def confine(memory: int, seconds: int | None = None) -> None:
    """Let this process have ``memory`` bytes of address space and, where given, so many seconds of the processor.

    It can write to no file and leaves no core dump. What it does beyond fails, or ends it.
    """
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    if seconds is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
