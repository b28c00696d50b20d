"""Formulas, boards and shortcuts: each task as its run command does it, seed by seed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.common.figures import Figure
from benchmarks.perception.part import Job, Options, Part, mean
from tasks.hwf import data as formulas
from tasks.hwf import run as hwf
from tasks.shortcut import data as pairs
from tasks.shortcut import means as shortcut
from tasks.shortcut.run import DEFAULTS as SHORTCUT_DEFAULTS
from tasks.sudoku import data as boards
from tasks.sudoku import run as sudoku

LENGTHS = (1, 3, 5, 7)  # symbols of a formula
PAIRS = {"half": 3_000, "evenodd": 5_000}  # to train on


def hwf_jobs(options: Options) -> list[Job]:
    """Each seed."""
    settings = hwf.Settings(short=1, epochs=1, train=100) if options.quick else hwf.Settings()
    return [{"part": "hwf", "data": options.data, "settings": asdict(settings), "seed": s} for s in options.seeds]


def measure_hwf(job: Job, work: Path) -> dict[str, Any]:
    """Train on formulas and judge; the model is kept."""
    settings, begun = hwf.Settings(**job["settings"]), time.perf_counter()
    reasoner, found = hwf.measure(formulas.load(job["data"], job["seed"], settings.train), settings, job["seed"], False)
    reasoner.save(work / f"hwf-{job['seed']}")
    each = {f"accuracy_{n}": share for n, share in found.accuracy.items()}
    each |= {f"milliseconds_{n}": ms for n, ms in found.milliseconds.items()}
    return each | {
        "accuracy": found.mean, "digits": found.symbols[0], "operators": found.symbols[1],
        "cpu_seconds": found.seconds, "wall_seconds": time.perf_counter() - begun,
    }  # fmt: skip


def hwf_figures(results: Sequence[dict[str, Any]]) -> list[Figure]:
    """Accuracy over all lengths and of each, and the time for one formula."""
    found = [mean(results, "formulas: all lengths", "accuracy", "%", 95.0, scale=100)]
    for n in LENGTHS:
        found.append(mean(results, f"formulas of {n} symbols", f"accuracy_{n}", "%", scale=100))
        found.append(mean(results, f"formulas of {n} symbols: for one", f"milliseconds_{n}", "ms CPU"))
    return [*found, mean(results, "formulas: to train", "cpu_seconds", "s CPU")]


def sudoku_jobs(options: Options) -> list[Job]:
    """Each seed."""
    settings = sudoku.DEFAULTS[options.data]
    settings = replace(settings, epochs=3, shifts=0) if options.quick else settings
    return [{"part": "sudoku", "data": options.data, "settings": asdict(settings), "seed": s} for s in options.seeds]


def measure_sudoku(job: Job, work: Path) -> dict[str, Any]:
    """Train on boards and judge; the model is kept."""
    wall, cpu = time.perf_counter(), time.process_time()
    data, settings = boards.load(job["data"], job["seed"]), sudoku.Settings(**job["settings"])
    reasoner, found = sudoku.measure(data, settings, job["seed"], False)
    reasoner.save(work / f"sudoku-{job['seed']}")
    return {
        "accuracy": found.accuracy, "renamed": found.renamed, "cpu_seconds": time.process_time() - cpu,
        "wall_seconds": time.perf_counter() - wall,
    }  # fmt: skip


def sudoku_figures(results: Sequence[dict[str, Any]]) -> list[Figure]:
    """Validity, and digits under the best renaming."""
    return [
        mean(results, "boards: validity", "accuracy", "%", 98.0, scale=100),
        mean(results, "boards: digits, renamed", "renamed", "%", scale=100),
        mean(results, "boards: to train and judge", "cpu_seconds", "s CPU"),
    ]


def shortcut_jobs(options: Options) -> list[Job]:
    """Each kind, means and seed."""
    settings = SHORTCUT_DEFAULTS[options.data]
    settings = asdict(replace(settings, epochs=1, attempts=1) if options.quick else settings)
    base = {"part": "shortcut", "data": options.data, "settings": settings}
    return [
        base | {"kind": kind, "means": means, "pairs": most, "seed": s}
        for kind, most in PAIRS.items() for s in options.seeds for means in shortcut.MEANS
    ]  # fmt: skip


def measure_shortcut(job: Job, work: Path) -> dict[str, Any]:
    """Train by a means and audit.

    Raises:
        ArithmeticError: the network is stuck, and so were all before it.
    """
    wall, cpu = time.perf_counter(), time.process_time()
    data = pairs.load(job["kind"], job["data"], job["seed"], job["pairs"])
    reasoner, audit, found = shortcut.measure(data, job["means"], shortcut.Settings(**job["settings"]), job["seed"])
    reasoner.save(work / f"shortcut-{job['kind']}-{job['means']}-{job['seed']}")
    if found.stuck:
        raise ArithmeticError(f"{found.failed + 1} networks got stuck, the last one with {found.sums:.1%} of the sums")
    (concept,) = audit.concepts
    return {
        "sums": found.sums, "concepts": found.concepts, "new": found.new, "shortcuts": found.shortcuts,
        "finds": float(found.shortcuts > 0 and bool(concept.confused)), "begun_anew": found.failed,
        "cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall,
    }  # fmt: skip


def shortcut_figures(results: Sequence[dict[str, Any]]) -> list[Figure]:
    """Whether the audit finds it, and the accuracy of concepts by each means; the bound holds for every seed."""
    found = []
    for kind in dict.fromkeys(r["kind"] for r in results):
        for means in shortcut.MEANS:
            of = [r for r in results if (r["kind"], r["means"]) == (kind, means)]
            name = f"shortcut, {kind}, {means}"
            if means == "none":
                found.append(mean(of, f"{name}: found, every seed", "finds", "%", 100.0, scale=100, worst=True))
            bound = None if means == "none" else 95.0
            found.append(mean(of, f"{name}: concepts, the worst seed", "concepts", "%", bound, scale=100, worst=True))
            found.append(mean(of, f"{name}: sums", "sums", "%", scale=100))
            found.append(mean(of, f"{name}: networks that got stuck before", "begun_anew", ""))
    return found


HWF = Part(hwf_jobs, measure_hwf, hwf_figures)
SUDOKU = Part(sudoku_jobs, measure_sudoku, sudoku_figures)
SHORTCUT = Part(shortcut_jobs, measure_shortcut, shortcut_figures)
