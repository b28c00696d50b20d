"""Jobs in processes of their own, on one thread: `python -m MODULE JOB`, a JSON object in and out."""

from __future__ import annotations

import gc
import json
import math
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
THREADS = ("OMP", "OPENBLAS", "MKL", "NUMBA", "NUMEXPR", "VECLIB_MAXIMUM")
SHORT = 0.1  # CPU seconds: what takes less is repeated
MEMORY = 8 * 2**30  # bytes of data; a process that needs more fails


class JobError(RuntimeError):
    """A job failed; holds the last line that it wrote."""


def run(
    module: str, job: dict[str, Any], cache: str | None = None, seconds: float = 1800, python: str = sys.executable
) -> dict[str, Any]:
    """One measurement in a fresh process.

    Args:
        cache: a folder for compiled kernels, in place of the usual one; seconds: of wall time.
        python: an interpreter that has what the module imports.

    Raises:
        JobError: the process failed or took too long.
    """
    environment = os.environ | {f"{name}_NUM_THREADS": "1" for name in THREADS} | {"PYTHONHASHSEED": "0"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = cache
    command = [python, "-m", module, json.dumps(job)]
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise JobError(f"longer than {seconds:.0f} s") from None
    except OSError as error:
        raise JobError(f"{Path(python).name} cannot be started: {error.strerror}") from None
    if done.returncode in (-signal.SIGPROF, -signal.SIGXCPU):
        raise JobError("longer than its CPU time")
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise JobError(lines[-1][:300] if lines else f"ended with status {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def timed(action: Callable[[], T], limit: float = 0) -> tuple[float, T]:
    """CPU seconds of a call by this thread, those of processes that it ran included, and what it gave.

    A short call is made several times, each time from the start, and the seconds are those of one.

    Args:
        limit: CPU seconds after which the process ends; a job that ends so took too long. 0 is no limit.
    """
    gc.collect()
    # the default action of SIGPROF ends the process at once, also within a call of compiled code
    signal.setitimer(signal.ITIMER_PROF, limit)
    start, calls = cpu_seconds(), 1
    result = action()
    while (total := cpu_seconds() - start) < SHORT:
        action()
        calls += 1
    signal.setitimer(signal.ITIMER_PROF, 0)
    return total / calls, result


def cpu_seconds() -> float:
    """CPU seconds of this thread and of finished processes; that of the process is coarse while a timer runs."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.thread_time() + children.ru_utime + children.ru_stime


def limit_process(seconds: float, memory: int = MEMORY) -> None:
    """Let this process fail before it runs without end, or the machine out of memory.

    Args:
        seconds: of CPU, everything included.
    """
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(seconds), resource.RLIM_INFINITY))


def peak_memory() -> int:
    """Most bytes that were resident at once.

    `ru_maxrss` alone would be wrong: Linux hands the parent's peak down to a new process.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
