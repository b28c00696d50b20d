"""The sum of two digits: accuracy, how soon 97 % is reached, and an epoch beside a loop written by hand."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

import neurosym as ns
from benchmarks.common.figures import Figure
from benchmarks.perception.by_hand import ByHand
from benchmarks.perception.part import Job, Options, Part, Watch, good, mean
from neurosym.learning import batches
from tasks.addition.data import Addition, load
from tasks.addition.run import DEFAULTS, SUM, Settings, build, digit_accuracy, optimizer_of, sum_accuracy, train

GOAL = 0.97  # of the sums
EVERY = 50  # steps between two looks at the test, until the goal is reached
EPOCHS = 3  # of each loop, in turns


def settings_of(options: Options) -> Settings:
    """Those of the task."""
    return replace(DEFAULTS[options.data], epochs=1) if options.quick else DEFAULTS[options.data]


def jobs(options: Options) -> list[Job]:
    """Each seed, then the epochs."""
    base = {"part": "addition", "data": options.data, "settings": asdict(settings_of(options))}
    runs = [base | {"what": "train", "seed": s} for s in options.seeds]
    return [*runs, base | {"what": "epochs", "seed": 0}]


def measure(job: Job, work: Path) -> dict[str, Any]:
    """What the job is about; models are kept."""
    settings = Settings(**job["settings"])
    if job["what"] == "epochs":
        return epochs(load(job["data"]), settings)
    reasoner, result = trained(job["data"], settings, job["seed"])
    reasoner.save(work / f"addition-{job['seed']}")
    return result


def trained(source: str, settings: Settings, seed: int) -> tuple[ns.Reasoner, dict[str, Any]]:
    """Train with an eye on the test, which takes no time and decides nothing."""
    data = load(source, seed)
    _compile(data)
    reasoner = build(data.size, seed)
    optimizer = optimizer_of(reasoner, settings)
    curve: list[tuple[int, float, float, float]] = []
    steps, watch = 0, Watch()

    def look(*_: object) -> None:
        nonlocal steps
        steps += 1
        if steps % EVERY or (curve and curve[-1][3] >= GOAL):
            return
        wall, cpu = watch.stop()
        reasoner.eval()
        curve.append((steps, wall, cpu, sum_accuracy(reasoner, data.test)))
        reasoner.train()
        watch.go()

    optimizer.register_step_post_hook(look)
    train(reasoner, data.train, data.valid, settings, seed, optimizer=optimizer)
    wall, cpu = watch.stop()
    reached = curve[-1] if curve and curve[-1][3] >= GOAL else None
    return reasoner, {
        "sum_accuracy": sum_accuracy(reasoner, data.test), "digit_accuracy": digit_accuracy(reasoner, data.test_digits),
        "wall_seconds": wall, "cpu_seconds": cpu, "epochs": settings.epochs, "curve": curve,
        "goal_wall": reached and reached[1], "goal_cpu": reached and reached[2],
    }  # fmt: skip


def _compile(data: Addition) -> None:
    """Have the inner loops compiled, once for each installation, before any clock runs, by another reasoner."""
    reasoner = build(data.size, seed=0).eval()
    inputs = {slot: images[:2] for slot, images in data.train.inputs.items()}
    reasoner.query(SUM, inputs=inputs).nll(data.train.sums[:2]).backward()


def epochs(data: Addition, settings: Settings, only: Sequence[str] = ("engine", "hand", "network")) -> dict[str, Any]:
    """Wall and CPU seconds of an epoch: of the engine, by hand, and of the network alone; medians of turns."""
    reasoner = build(data.size, seed=0)
    known = batches(SUM, data.train.inputs, data.train.sums, settings.batch)
    net = reasoner.networks["net"]
    hand, bare = (ByHand(copy.deepcopy(net), settings.lr, settings.weight_decay) for _ in range(2))
    _same_loss(reasoner, hand, data, settings.batch)
    optimizer = optimizer_of(reasoner, settings)
    loops: dict[str, Callable[[int], object]] = {
        "engine": lambda n: ns.fit(reasoner, known, epochs=1, optimizer=optimizer, seed=n, progress=False),
        "hand": lambda n: hand.epoch(data.train, settings.batch, n),
        "network": lambda n: bare.epoch(data.train, settings.batch, n, logic=False),
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in only}
    for turn in range(EPOCHS):
        for name in only:
            wall, cpu = time.perf_counter(), time.process_time()
            loops[name](turn)
            times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    found: dict[str, Any] = {"pairs": len(data.train), "batch": settings.batch}
    for name, each in times.items():
        found[f"{name}_wall"], found[f"{name}_cpu"] = (statistics.median(t[k] for t in each) for k in (0, 1))
    return found


def _same_loss(reasoner: ns.Reasoner, hand: ByHand, data: Addition, batch: int) -> None:
    """Both loops do the same, before anything is timed."""
    inputs = {slot: images[:batch] for slot, images in data.train.inputs.items()}
    sums = data.train.sums[:batch]
    with torch.no_grad():
        ours = float(reasoner.query(SUM, inputs=inputs).nll(sums))
        theirs = float(hand.loss(inputs["a"], inputs["b"], sums))
    if abs(ours - theirs) > 1e-4:
        raise ArithmeticError(f"the losses differ: {ours} and {theirs}")


def figures(results: Sequence[dict[str, Any]]) -> list[Figure]:
    """Accuracy, the time at which 97 % is reached, and the epoch beside the loop by hand."""
    runs = [r for r in results if r["what"] == "train"]
    name = "addition, N = 1"
    found = [
        mean(runs, f"{name}: sums", "sum_accuracy", "%", 98.2, scale=100),
        mean(runs, f"{name}: digits", "digit_accuracy", "%", scale=100),
        mean(runs, f"{name}: to train", "cpu_seconds", "s CPU"),
        mean(runs, f"{name}: to 97 %, the slowest seed", "goal_cpu", "s CPU", 20.0, at_least=False, worst=True),
        mean(runs, f"{name}: to 97 %", "goal_wall", "s wall"),
    ]
    for r in good([r for r in results if r["what"] == "epochs"]):
        ours, by_hand = (f"{r[k]:.2f} s" for k in ("engine_cpu", "hand_cpu"))
        value = r["engine_cpu"] / r["hand_cpu"]
        found.append(Figure(f"{name}: an epoch, over a loop by hand", value, "times CPU", ours, by_hand, 1.5))
        share = r["network_cpu"] / r["engine_cpu"]
        found.append(Figure(f"{name}: of an epoch, the network alone", 100 * share, "%", f"{r['network_cpu']:.2f} s"))
    return found


ADDITION = Part(jobs, measure, figures)
