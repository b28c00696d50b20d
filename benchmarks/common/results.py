"""All measurements of one run of a command: jobs in turns, and their medians."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.common.process import JobError, run

Say = Callable[[str], None]


@dataclass
class Results:
    """What the jobs of one worker gave.

    Attributes:
        worker: the module that does a job, `{"case": …, "engine": …, "quick": …}`; extra: what else each job says.
        runs: (case, engine) → what each of its processes gave; `failed`: (case, engine) → why there is none.
    """

    worker: str
    extra: dict[str, Any] = field(default_factory=dict)
    runs: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    failed: dict[tuple[str, str], str] = field(default_factory=dict)

    def measure(
        self, case: str, engines: Sequence[str], runs: int, quick: bool, say: Say, long: float = float("inf")
    ) -> None:
        """Measure engines on a case in turns, so that whatever else the machine does meets all of them.

        Args:
            long: CPU seconds from which one run is enough.
        """
        for turn in range(runs):
            for engine in engines:
                if (case, engine) in self.failed or (turn and (self.get(case, engine) or 0) >= long):
                    continue
                try:
                    result = run(self.worker, {"case": case, "engine": engine, "quick": quick, **self.extra})
                except JobError as error:
                    self.failed[case, engine] = str(error)
                    say(f"{case}, {engine or 'ours'}: {error}")
                    continue
                self.runs.setdefault((case, engine), []).append(result)
                seconds = f"{result['cpu']:.3f} s" if result.get("cpu") is not None else result.get("why", "")
                say(f"{case}, {engine or 'ours'}, {turn + 1} of {runs}: {seconds}")

    def get(self, case: str, engine: str, what: str = "cpu") -> float | None:
        """The median of a figure; None where it was not measured."""
        values = [r[what] for r in self.runs.get((case, engine), []) if r.get(what) is not None]
        return statistics.median(values) if values else None

    def raw(self) -> list[dict[str, Any]]:
        """Every measurement, and why others failed."""
        done = [{"case": case, "engine": engine, "runs": runs} for (case, engine), runs in self.runs.items()]
        return done + [{"case": case, "engine": engine, "failed": why} for (case, engine), why in self.failed.items()]
