"""The sum of two digits by DeepProbLog and LTNtorch, with ours before and after: same pairs, network and conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common.figures import Figure
from benchmarks.common.process import JobError, run
from benchmarks.perception.addition import GOAL, epochs, settings_of, trained
from benchmarks.perception.part import Job, Options, Part, good
from tasks.addition.data import load
from tasks.addition.run import Settings

MODULES = {
    "deepproblog": "benchmarks.perception.theirs.deepproblog_pairs", "ltn": "benchmarks.perception.theirs.ltn_pairs"
}  # fmt: skip
COUNT, EPOCHS = 2_000, 3  # pairs of DeepProbLog, epochs of LTNtorch and of ours beside it
BATCH = {"deepproblog": 2, "ltn": 32}  # as in their own examples
EVERY = 100  # steps of LTNtorch between two looks at the test
SECONDS = 7_200.0  # of wall time, for one of them


def jobs(options: Options) -> list[Job]:
    """Ours, theirs, ours again; without moved copies, so that all see the same images as often."""
    if options.data != "mnist":
        return []
    count, most = (40, 1) if options.quick else (COUNT, EPOCHS)
    settings = asdict(replace(settings_of(options), epochs=most, shifts=0))
    base = {"part": "peers", "data": options.data, "seed": options.seeds[0]}
    ours = base | {"settings": settings}
    learned = base | {"peer": "ltn", "epochs": most, "batch": BATCH["ltn"], "every": EVERY, "goal": GOAL}
    made = base | {"peer": "deepproblog", "count": count, "batch": BATCH["deepproblog"]}
    found = []
    for what, theirs in (("epochs", made), ("train", learned)):
        found += [ours | {"what": what, "turn": 0}, theirs, ours | {"what": what, "turn": 1}]
    return found


def measure(job: Job, work: Path) -> dict[str, Any]:
    """Ours."""
    settings = Settings(**job["settings"])
    if job["what"] == "epochs":
        return epochs(load(job["data"], job["seed"]), settings, only=["engine"])
    return trained(job["data"], settings, job["seed"])[1]


def started(job: Job, work: Path, options: Options) -> dict[str, Any]:
    """A job in its process; the peers' by the interpreter that has them.

    Raises:
        JobError: there is no such interpreter, or the job failed.
    """
    if "peer" not in job:
        return run("benchmarks.perception.worker", job | {"work": str(work)}, seconds=SECONDS)
    if options.peers is None:
        raise JobError("needs --peers PYTHON, an interpreter that has the library")
    path = work.resolve() / f"pairs-{job['seed']}.npz"
    _write(path, job)
    return run(MODULES[job["peer"]], job | {"pairs": str(path)}, seconds=SECONDS, python=options.peers)


def _write(path: Path, job: Job) -> None:
    """The pairs that ours learn from, and those that judge."""
    data = load(job["data"], job["seed"])
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {n: getattr(data.train, n).numpy() for n in ("left", "right", "sums")}
    np.savez(path, **arrays, **{f"test_{n}": getattr(data.test, n).numpy() for n in arrays})


def figures(results: Sequence[dict[str, Any]]) -> list[Figure]:
    """The epoch beside DeepProbLog's, accuracy and time to 97 % beside LTNtorch's."""
    of = {k: [r for r in good(results) if k in (r.get("peer"), r.get("what"))] for k in (*MODULES, "train", "epochs")}
    found = [Figure(f"{r['peer']}, N = 1", None, note=r["failed"]) for r in results if "failed" in r and "peer" in r]
    for theirs in of["deepproblog"]:
        for kind in ("cpu", "wall") if of["epochs"] else ():
            ours = max(r[f"engine_{kind}"] for r in of["epochs"])
            told = f"{ours:.2f} s", f"{theirs[f'epoch_{kind}']:.0f} s, from {theirs['count']:,} pairs"
            value = theirs[f"epoch_{kind}"] / ours
            bound = 100.0 if kind == "cpu" else None
            found.append(Figure("N = 1, an epoch: DeepProbLog over ours", value, f"times {kind}", *told, bound, True))
    for theirs in of["ltn"]:
        found += _beside(theirs, of["train"])
    return found


def _beside(theirs: dict[str, Any], ours: Sequence[dict[str, Any]]) -> list[Figure]:
    """LTNtorch and the slower, and less accurate, of our two runs."""
    if not ours:
        return []
    least, most = min(r["sum_accuracy"] for r in ours), f"{theirs['epochs']} epochs"
    told = f"{least:.2%}", f"{theirs['sum_accuracy']:.2%}"
    lead = 100 * (least - theirs["sum_accuracy"])
    found = [Figure(f"N = 1, sums after {most}: ours over LTNtorch", lead, "points", *told, 0.0, True)]
    for kind in ("cpu", "wall"):
        name = f"N = 1, to 97 % of sums: LTNtorch over ours, {kind}"
        bound = 3.0 if kind == "cpu" else None
        reached = [r[f"goal_{kind}"] for r in ours]
        if None in reached:
            found.append(Figure(name, None, "times", note="ours did not reach it", bound=bound, at_least=True))
            continue
        goal = theirs[f"goal_{kind}"]
        slow = max(reached)
        told = f"{slow:.1f} s", f"{goal:.1f} s" if goal else f"not within {theirs[f'{kind}_seconds']:.0f} s, {most}"
        found.append(Figure(name, (goal or theirs[f"{kind}_seconds"]) / slow, "times", *told, bound, True))
    return found


PEERS = Part(jobs, measure, figures, started)
