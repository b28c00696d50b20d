"""Runs jobs in processes of their own, on one thread, turn by turn, and takes medians."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
THREADS = ("OMP", "OPENBLAS", "MKL", "NUMBA", "NUMEXPR", "VECLIB_MAXIMUM")
Say = Callable[[str], None]


class JobError(RuntimeError):
    """A job failed; holds the last line that it wrote."""


def run(
    case: str, engine: str = "", quick: bool = False, cache: str | None = None, seconds: float = 1800
) -> dict[str, Any]:
    """One measurement in a fresh process.

    Args:
        cache: a folder for compiled kernels, in place of the usual one.

    Raises:
        JobError: the process failed or took too long.
    """
    environment = os.environ | {f"{name}_NUM_THREADS": "1" for name in THREADS} | {"PYTHONHASHSEED": "0"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = cache
    job = json.dumps({"case": case, "engine": engine, "quick": quick})
    command = [sys.executable, "-m", "benchmarks.grounding.worker", job]
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise JobError(f"longer than {seconds:.0f} s") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise JobError(lines[-1] if lines else f"ended with status {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


@dataclass
class Results:
    """All measurements of one run of the command.

    Attributes:
        runs: (case, engine) → what each of its processes gave; `failed`: (case, engine) → why there is none.
    """

    runs: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    failed: dict[tuple[str, str], str] = field(default_factory=dict)

    def measure(self, case: str, engines: Sequence[str], runs: int, quick: bool, say: Say) -> None:
        """Measure engines on a case in turns, so that whatever else the machine does meets all of them."""
        for turn in range(runs):
            for engine in engines:
                if (case, engine) in self.failed:
                    continue
                try:
                    result = run(case, engine, quick)
                except JobError as error:
                    self.failed[case, engine] = str(error)
                    say(f"{case}, {engine}: {error}")
                    continue
                self.runs.setdefault((case, engine), []).append(result)
                seconds = f"{result['cpu']:.3f} s" if result["cpu"] is not None else result.get("why", "")
                say(f"{case}, {engine or 'ours'}, {turn + 1} of {runs}: {seconds}")

    def first_calls(self, runs: int, say: Say) -> None:
        """The first call of all, with an empty folder for compiled kernels, and that of the next process."""
        for turn in range(runs):
            with tempfile.TemporaryDirectory() as folder:
                for engine in ("first of all", "first in a process"):
                    result = run("fixed", "first", cache=folder)
                    self.runs.setdefault(("fixed", engine), []).append(result)
                    say(f"fixed, {engine}, {turn + 1} of {runs}: {result['cpu']:.3f} s")

    def get(self, case: str, engine: str, what: str = "cpu") -> float | None:
        """The median of a figure; None where it was not measured."""
        values = [r[what] for r in self.runs.get((case, engine), []) if r.get(what) is not None]
        return statistics.median(values) if values else None

    def disagreements(self) -> list[str]:
        """Cases whose engines derived different numbers of facts."""
        counts: dict[str, dict[str, set[int]]] = {}
        for (case, engine), results in self.runs.items():
            for result in results:
                if "derived" in result:
                    counts.setdefault(case, {}).setdefault(engine, set()).add(result["derived"])
        return [f"{case}: {found}" for case, found in counts.items() if len(set().union(*found.values())) > 1]
