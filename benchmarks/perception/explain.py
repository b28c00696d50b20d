"""One prediction and its explanation, model loaded: the median over test samples, task by task."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import neurosym as ns
from benchmarks.common.figures import Figure
from benchmarks.perception.part import Job, Options, Part, mean
from tasks.addition import data as addition_data
from tasks.addition import numbers
from tasks.addition import run as addition
from tasks.common.digits import parts
from tasks.hwf import data as hwf_data
from tasks.hwf import run as hwf
from tasks.shortcut import data as shortcut_data
from tasks.sudoku import data as sudoku_data
from tasks.sudoku import run as sudoku

SAMPLES = 20
MODELS = {
    "addition": "addition", "numbers": "numbers-15", "hwf": "hwf", "sudoku": "sudoku",
    "shortcut": "shortcut-half-labels",
}  # fmt: skip
Explain = Callable[[ns.Reasoner, int], object]


def jobs(options: Options) -> list[Job]:
    """Each task, with the model of the first seed."""
    seed = options.seeds[0]
    return [{"part": "explain", "data": options.data, "task": task, "seed": seed} for task in MODELS]


def measure(job: Job, work: Path) -> dict[str, Any]:
    """Milliseconds of a query with its explanation, of samples that differ; the first, which grounds, is left out.

    Raises:
        FileNotFoundError: the model is not there: the part that trains it has not run.
    """
    folder = work / f"{MODELS[job['task']]}-{job['seed']}"
    if not folder.is_dir():
        raise FileNotFoundError(f"no model {folder.name}: run the part that trains it first")
    reasoner = ns.Reasoner.load(folder, _facts(job["task"]))
    explain = _explainer(job)
    times: list[tuple[float, float]] = []
    for row in range(SAMPLES + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        explain(reasoner, row)
        times.append((time.perf_counter() - wall, time.process_time() - cpu))
    wall, cpu = (1000 * statistics.median(t[k] for t in times[1:]) for k in (0, 1))
    return {"milliseconds_wall": wall, "milliseconds_cpu": cpu, "first_cpu": 1000 * times[0][1], "samples": SAMPLES}


def _facts(task: str) -> ns.FactBase | None:
    """Facts are no part of a model."""
    return numbers.facts_of(15) if task == "numbers" else hwf.facts() if task == "hwf" else None


def _explainer(job: Job) -> Explain:
    """What predicts and explains the k-th test sample of a task."""
    source, seed, task = job["data"], job["seed"], job["task"]
    if task == "addition":
        pairs = addition_data.load(source, seed).test
        return lambda reasoner, row: addition.explain(reasoner, pairs, row)
    if task == "numbers":
        samples = numbers.numbers_of(parts(source, seed).test, 15)
        return lambda reasoner, row: numbers.explain(reasoner, samples, row % len(samples))
    if task == "hwf":
        longest = hwf_data.load(source, seed, train=1).test[-1]
        return lambda reasoner, row: hwf.explain(reasoner, longest, row)
    if task == "sudoku":
        boards = sudoku_data.load(source, seed).test
        return lambda reasoner, row: sudoku.explain(reasoner, boards, row)
    test = shortcut_data.load("half", source, seed).test
    pairs = addition_data.Pairs(test.left, test.right, test.sums)
    return lambda reasoner, row: addition.explain(reasoner, pairs, row)


def figures(results: Sequence[dict[str, Any]]) -> list[Figure]:
    """Each task."""
    found = []
    for r in results:
        name = f"{r['task']}: one prediction and its explanation"
        found.append(mean([r], name, "milliseconds_cpu", "ms CPU", 20.0, at_least=False))
        found.append(mean([r], name, "milliseconds_wall", "ms wall"))
    return found


EXPLAIN = Part(jobs, measure, figures)
