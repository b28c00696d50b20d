"""The measurements of this benchmark: those that all have, first calls, and counts that must agree."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass

from benchmarks.common import results
from benchmarks.common.process import run
from benchmarks.common.results import Say

WORKER = "benchmarks.grounding.worker"


@dataclass
class Results(results.Results):
    """Results of this benchmark's worker."""

    worker: str = WORKER

    def first_calls(self, runs: int, say: Say) -> None:
        """The first call of all, with an empty folder for compiled kernels, and that of the next process."""
        for turn in range(runs):
            with tempfile.TemporaryDirectory() as folder:
                for engine in ("first of all", "first in a process"):
                    result = run(self.worker, {"case": "fixed", "engine": "first"}, cache=folder)
                    self.runs.setdefault(("fixed", engine), []).append(result)
                    say(f"fixed, {engine}, {turn + 1} of {runs}: {result['cpu']:.3f} s")

    def disagreements(self) -> list[str]:
        """Cases whose engines derived different numbers of facts."""
        counts: dict[str, dict[str, set[int]]] = {}
        for (case, engine), runs in self.runs.items():
            for result in runs:
                if "derived" in result:
                    counts.setdefault(case, {}).setdefault(engine, set()).add(result["derived"])
        return [f"{case}: {found}" for case, found in counts.items() if len(set().union(*found.values())) > 1]
