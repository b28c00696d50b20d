"""One prediction and its explanation, model loaded: the median over test samples, case by case."""

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
WARM = 3  # explanations that come first: circuits are made for the first of a claim, and kept
# case → model; hwf's last also tells what rules and facts contribute
MODELS = {
    "addition": "addition", "numbers of 4": "numbers-4", "numbers of 15": "numbers-15",
    "hwf, 1 symbol": "hwf", "hwf, 3 symbols": "hwf", "hwf, 5 symbols": "hwf", "hwf, 7 symbols": "hwf",
    "hwf, 7 symbols, with rules": "hwf", "sudoku, valid": "sudoku", "sudoku, invalid": "sudoku",
    "shortcut": "shortcut-half-labels",
}  # fmt: skip
WITHOUT_BOUND = ("hwf, 7 symbols, with rules",)
BOUND = 20.0
Explain = Callable[[int], object]


def jobs(options: Options) -> list[Job]:
    """Each case, with the model of the first seed."""
    seed = options.seeds[0]
    return [{"part": "explain", "data": options.data, "task": case, "seed": seed} for case in MODELS]


def measure(job: Job, work: Path) -> dict[str, Any]:
    """Milliseconds of a query with its explanation, of samples that differ; the first, which grounds, is left out.

    Raises:
        FileNotFoundError: the model is not there: the part that trains it has not run.
    """
    folder = work / f"{MODELS[job['task']]}-{job['seed']}"
    if not folder.is_dir():
        raise FileNotFoundError(f"no model {folder.name}: run the part that trains it first")
    explain = _explainer(job, lambda facts: ns.Reasoner.load(folder, facts))
    times: list[tuple[float, float]] = []
    for row in range(WARM + SAMPLES):
        wall, cpu = time.perf_counter(), time.process_time()
        explain(row)
        times.append((time.perf_counter() - wall, time.process_time() - cpu))
    wall, cpu = (1000 * statistics.median(t[k] for t in times[WARM:]) for k in (0, 1))
    return {"milliseconds_wall": wall, "milliseconds_cpu": cpu, "first_cpu": 1000 * times[0][1], "samples": SAMPLES}


def _explainer(job: Job, model: Callable[[ns.FactBase | None], ns.Reasoner]) -> Explain:
    """What predicts and explains the k-th test sample of a case.

    Args:
        model: loads it, with the facts that are no part of it.
    """
    source, seed = job["data"], job["seed"]
    task, _, which = job["task"].partition(", ")
    if task == "addition":
        reasoner, pairs = model(None), addition_data.load(source, seed).test
        return lambda row: addition.explain(reasoner, pairs, row)
    if task.startswith("numbers"):
        length = int(task.split()[-1])
        reasoner, samples = model(numbers.facts_of(length)), numbers.numbers_of(parts(source, seed).test, length)
        return lambda row: numbers.explain(reasoner, samples, row % len(samples))
    if task == "hwf":
        reasoner, count = model(hwf.facts()), int(which.split()[0])
        formulas = hwf_data.load(source, seed, train=1).test[count // 2]
        contributions = "leave-one-out" if which.endswith("rules") else "gradient"
        return lambda row: hwf.explain(reasoner, formulas, row, contributions)
    if task == "sudoku":
        reasoner, boards = model(None), sudoku_data.load(source, seed).test
        held = (sudoku.validity(reasoner, boards) >= 0.5) == (which == "valid")
        rows = held.nonzero()[:, 0].tolist()
        return lambda row: sudoku.explain(reasoner, boards, rows[row % len(rows)])
    reasoner, test = model(None), shortcut_data.load("half", source, seed).test
    return lambda row: addition.explain(reasoner, test, row)


def figures(results: Sequence[dict[str, Any]]) -> list[Figure]:
    """Each case."""
    found = []
    for r in results:
        name, bound = f"{r['task']}: prediction and explanation", None if r["task"] in WITHOUT_BOUND else BOUND
        found.append(mean([r], name, "milliseconds_cpu", "ms CPU", bound, at_least=False))
        found.append(mean([r], name, "milliseconds_wall", "ms wall"))
    return found


EXPLAIN = Part(jobs, measure, figures)
