"""What a part of the benchmark is, and what the parts share."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common.figures import Figure

Job = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """What the command line says.

    Attributes:
        data: `digits` or `mnist`; quick: sizes that only show that everything works.
        peers: the interpreter that has the other libraries; None: they are not measured.
    """

    seeds: Sequence[int] = (0, 1, 2, 3, 4)
    data: str = "mnist"
    quick: bool = False
    peers: str | None = None


@dataclass(frozen=True)
class Part:
    """Some jobs, each for a process of its own, and the figures that their results are.

    Attributes:
        jobs: what is measured; a job that is equal to one of before, settings included, is not measured again.
        measure: does a job, given the folder of models: name → figure, as JSON takes it.
        figures: of all results: a job's words, with what it measured or `failed`.
        run: starts a job in another way than by the worker of this package.
    """

    jobs: Callable[[Options], list[Job]]
    measure: Callable[[Job, Path], dict[str, Any]]
    figures: Callable[[Sequence[dict[str, Any]]], list[Figure]]
    run: Callable[[Job, Path, Options], dict[str, Any]] | None = None


class Watch:
    """Wall and CPU seconds of this process; stands still within `paused`."""

    def __init__(self) -> None:
        self.wall, self.cpu = 0.0, 0.0
        self._from = (time.perf_counter(), time.process_time())

    def stop(self) -> tuple[float, float]:
        """(wall, CPU) seconds until now; nothing is added until `go`."""
        self.wall += time.perf_counter() - self._from[0]
        self.cpu += time.process_time() - self._from[1]
        return self.wall, self.cpu

    def go(self) -> None:
        """Time runs again."""
        self._from = (time.perf_counter(), time.process_time())


def good(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that did not fail."""
    return [r for r in results if "failed" not in r]


def mean(
    results: Sequence[dict[str, Any]], name: str, what: str, unit: str, bound: float | None = None,
    at_least: bool = True, scale: float = 1.0, worst: bool = False,
) -> Figure:  # fmt: skip
    """The mean of what some runs measured, with its deviation, beside a bound; failed runs are counted beside it.

    Args:
        worst: the bound holds for every run.
    """
    values = [scale * r[what] for r in good(results) if r.get(what) is not None]
    lost = len(results) - len(values)
    if not values:
        why = f"{lost} runs failed" if lost else "no run"
        return Figure(name, None, unit, bound=bound, at_least=at_least, note=why)
    deviation = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    count = f"{len(values)} seed{'s' * (len(values) > 1)}" + f", {lost} failed" * (lost > 0)
    told = f"{statistics.fmean(values):.2f}{deviation} ({count})"
    value = (min(values) if at_least else max(values)) if worst else statistics.fmean(values)
    return Figure(name, value, unit, told, bound=bound, at_least=at_least)
