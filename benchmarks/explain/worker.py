"""One measurement in a process of its own: `python -m benchmarks.explain.worker JOB`, a JSON object in and out.

A case is `cost|claim|firings`, `reports|number|processes` or `training|epochs`.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

import neurosym as ns
from benchmarks.common.process import limit_process, peak_memory, timed
from benchmarks.explain.claims import CLAIMS
from benchmarks.semantics.ours import load_kernels

LIMIT = 900.0  # CPU seconds of a job
PAIRS = 5


def cost(name: str, firings: int) -> dict[str, Any]:
    """CPU seconds of an answer, and of its explanation, with and without leaving out; of its verification."""
    text, atom = CLAIMS[name](firings)
    program = ns.Program.from_text(text, "claim.pl", "pl")
    load_kernels()
    ns.explain(ns.Reasoner(program).query(atom), atom) if firings < 1000 else None

    evaluated, answers = timed(lambda: ns.Reasoner(program).query(atom))
    again, _ = timed(lambda: answers.grounded.evaluator(answers.facts, (), None)(answers.leaf_tags))
    bare, _ = timed(lambda: ns.explain(answers, atom, contributions=False, threshold=None))
    explained, why = timed(lambda: ns.explain(answers, atom, threshold=None))
    return {
        "cpu": explained, "evaluated": evaluated, "again": again, "bare": bare,
        "firings": answers.grounded.graph.num_groundings, "steps": len(why.steps),
        "without": len(why.contributions), "skipped": any("not left out" in w for w in why.warnings),
    }  # fmt: skip


def reports(number: int, processes: int) -> dict[str, Any]:
    """Wall seconds of so many pages about the diagnosis task's patients, explained and verified, and their index."""
    from neurosym.explain.report import BatchPage, in_order, write_pages
    from neurosym.neural.features import FeatureTable
    from tasks.diagnosis.data import Ward, folds, load_ward
    from tasks.diagnosis.model import Recipe, ontology, patients
    from tasks.diagnosis.run import QUERY, train

    ward, recipe = load_ward(), Recipe(epochs=3)
    trained = train(ward, next(iter(folds(ward))), recipe, 0, {})
    drawn = torch.arange(number) % len(ward.table.ids)
    ids = [f"onc:case-{k}" for k in range(number)]
    many = Ward(FeatureTable(ids, ward.table.rows[drawn], ward.table.columns), ward.malignant[drawn])
    reasoner = trained.reasoner
    reasoner.features["onc:Patient"] = many.table
    answers = reasoner.predict(patients(many, torch.arange(number)), QUERY, background=ontology())
    with tempfile.TemporaryDirectory() as folder:
        started, cpu = time.monotonic(), time.process_time()

        def made(k: int) -> BatchPage:
            why = ns.explain(answers, answers.atoms[k], threshold=None).checked()
            return BatchPage.of(why, bool(many.malignant[k]))

        write_pages(folder, in_order(made, number, processes), "benchmark")
        wall = time.monotonic() - started
    return {"cpu": time.process_time() - cpu, "wall": wall, "pages": len(answers.atoms)}


def training(epochs: int) -> dict[str, Any]:
    """CPU seconds of training where nothing was explained, and where much was; the least of some pairs of processes.

    Each process is a copy of this one, which has trained before, so that they differ in what is asked about only.
    """
    from tasks.diagnosis.data import folds, load_ward
    from tasks.diagnosis.model import Recipe
    from tasks.diagnosis.run import train

    ward = load_ward()
    fold = next(iter(folds(ward)))
    trained = train(ward, fold, Recipe(epochs=epochs), 0, {})
    assert not any(name.startswith("neurosym.explain") for name in sys.modules), "training loads no explanations"

    def seconds(explained: bool) -> float:
        for atom in trained.answers.atoms[:20] if explained else ():
            ns.explain(trained.answers, atom)
        gc.collect()  # takes a tenth of such a training: all begin with one, so that all meet as many
        return timed(lambda: train(ward, fold, Recipe(epochs=epochs), 0, {}))[0]

    pairs = [[_apart(partial(seconds, explained)) for explained in (False, True)] for _ in range(PAIRS)]
    return {"cpu": min(after for _, after in pairs), "before": min(before for before, _ in pairs)}


def _apart(task: Callable[[], float]) -> float:
    """What a task gives, run by a copy of this process."""
    receive, send = multiprocessing.get_context("fork").Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=lambda: send.send(task()))
    process.start()
    send.close()  # else the end of that process would go unnoticed
    result = receive.recv()
    process.join()
    return result


def work(job: dict[str, Any]) -> dict[str, Any]:
    """What a job measures."""
    torch.set_num_threads(1)
    part, *rest = job["case"].split("|")
    if part == "cost":
        return cost(rest[0], int(rest[1]))
    return reports(*map(int, rest)) if part == "reports" else training(int(rest[0]))


if __name__ == "__main__":
    limit_process(LIMIT)
    print(json.dumps(work(json.loads(sys.argv[1])) | {"peak": peak_memory()}))
