"""Measure whole processes: wall time, CPU time and peak memory, of a command and all its children."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

GIB = 2**30
LOOK_EVERY_SECONDS = 0.2


@dataclass(frozen=True)
class Cost:
    """What one process cost: seconds on the clock and of CPU, peak resident memory in GiB; its exit code."""

    wall_seconds: float
    cpu_seconds: float
    peak_gib: float
    output: str
    ended: int = 0

    def __add__(self, then: Cost) -> Cost:
        """This process, and then that one."""
        return Cost(
            self.wall_seconds + then.wall_seconds,
            self.cpu_seconds + then.cpu_seconds,
            max(self.peak_gib, then.peak_gib),
            self.output + then.output,
            then.ended,
        )


def measure(command: Sequence[str], allowed: Sequence[int] = (0,), **environment: str) -> Cost:
    """Run `command` to its end.

    Raises:
        RuntimeError: its exit code is not `allowed`; the text holds the last of what it said.
    """
    began = time.perf_counter()
    before = os.times()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | environment
    )
    peak = [0]
    watcher = threading.Thread(target=_watch, args=(process.pid, peak), daemon=True)
    watcher.start()
    output, _ = process.communicate()
    wall = time.perf_counter() - began
    after = os.times()
    if process.returncode not in allowed:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{output[-2000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(wall, cpu, peak[0] / GIB, output, process.returncode)


def _watch(pid: int, peak: list[int]) -> None:
    """Keep the largest resident memory of the process and its children, seen every fifth of a second."""
    while True:
        try:
            process = psutil.Process(pid)
            family = [process, *process.children(recursive=True)]
            peak[0] = max(peak[0], sum(member.memory_info().rss for member in family))
        except psutil.Error:
            return
        time.sleep(LOOK_EVERY_SECONDS)
