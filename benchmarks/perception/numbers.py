"""Numbers of 2, 4 and 15 digits learned from sums, and numbers of a hundred digits with the network of fifteen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

import neurosym as ns
from benchmarks.common.figures import Figure
from benchmarks.perception.part import Job, Options, Part, mean
from tasks.addition import numbers
from tasks.addition.numbers import NumberSettings
from tasks.common.digits import parts
from tasks.common.pairs import digit_accuracy

BOUNDS = {15: 80.0, 4: 93.5, 2: 96.6}  # N → % of sums
LONG, SAMPLES = 100, 16  # digits, and samples in a step
GO_ON = NumberSettings(epochs=2, images=2 * LONG * SAMPLES, lr=3e-4, shifts=0)


def model_of(length: int, seed: int) -> str:
    """The folder of a trained model."""
    return f"numbers-{length}-{seed}"


def jobs(options: Options) -> list[Job]:
    """Each seed and length; the longest first."""
    settings = asdict(replace(NumberSettings(), epochs=1) if options.quick else NumberSettings())
    base = {"part": "numbers", "data": options.data, "settings": settings}
    return [base | {"length": n, "seed": s} for s in options.seeds for n in BOUNDS]


def measure(job: Job, work: Path) -> dict[str, Any]:
    """Train and judge on test, once; the model is kept."""
    begun = time.perf_counter()
    settings = NumberSettings(**job["settings"])
    reasoner, _, result = numbers.measure(job["data"], job["length"], settings, job["seed"], progress=False)
    reasoner.save(work / model_of(job["length"], job["seed"]))
    return {**asdict(result), "cpu_seconds": result.seconds, "wall_seconds": time.perf_counter() - begun}


def figures(results: Sequence[dict[str, Any]]) -> list[Figure]:
    """Accuracy of sums and digits, and time."""
    found = []
    for length, bound in BOUNDS.items():
        of = [r for r in results if r["length"] == length]
        if not of:
            continue
        name = f"numbers, N = {length}"
        found += [
            mean(of, f"{name}: sums", "sum_accuracy", "%", bound, scale=100),
            mean(of, f"{name}: digits", "digit_accuracy", "%", scale=100),
            mean(of, f"{name}: to train", "cpu_seconds", "s CPU"),
        ]
    return found


def hundred_jobs(options: Options) -> list[Job]:
    """Each seed, from its network of 15 digits."""
    return [{"part": "hundred", "data": options.data, "settings": asdict(GO_ON), "seed": s} for s in options.seeds]


def measure_hundred(job: Job, work: Path) -> dict[str, Any]:
    """Go on at a hundred digits; the time of a step is the median, the first one, which grounds, left out."""
    data = parts(job["data"], job["seed"], valid=0)
    before = ns.Reasoner.load(work / model_of(15, job["seed"]))
    reasoner = numbers.build(data.size, LONG, job["seed"], before.networks["net"])
    digits = digit_accuracy(reasoner, data.test, "a1")
    settings = NumberSettings(**job["settings"])
    optimizer = numbers.optimizer_of(reasoner, settings)
    times: list[tuple[float, float]] = []
    optimizer.register_step_post_hook(lambda *_: times.append((time.perf_counter(), time.process_time())))
    samples = numbers.numbers_of(data.train, LONG)
    numbers.train(reasoner, samples, settings, job["seed"], optimizer=optimizer)
    wall, cpu = torch.tensor(times, dtype=torch.float64).diff(dim=0).median(0).values.tolist()
    return {
        "samples": len(samples), "batch": settings.batch(LONG), "steps": len(times), "step_wall": wall, "step_cpu": cpu,
        "digits_before": digits, "digits_after": digit_accuracy(reasoner, data.test, "a1"),
        "sums_after": numbers.sum_accuracy(reasoner, numbers.numbers_of(data.test, LONG)),
    }  # fmt: skip


def hundred_figures(results: Sequence[dict[str, Any]]) -> list[Figure]:
    """Time of a step, digits before and after."""
    name = f"numbers, N = {LONG}"
    return [
        mean(results, f"{name}: a step of {SAMPLES} samples", "step_cpu", "s CPU", 1.0, at_least=False, worst=True),
        mean(results, f"{name}: a step of {SAMPLES} samples", "step_wall", "s wall"),
        mean(results, f"{name}: digits before, of N = 15", "digits_before", "%", scale=100),
        mean(results, f"{name}: digits after", "digits_after", "%", 98.0, scale=100),
    ]


NUMBERS = Part(jobs, measure, figures)
HUNDRED = Part(hundred_jobs, measure_hundred, hundred_figures)
