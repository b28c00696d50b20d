"""One measurement in a process of its own: `python -m benchmarks.explain.worker JOB`, a JSON object in and out.

A case is `cost|claim|firings`, `reports|number|processes` or `training|epochs`.
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import time
from typing import Any

import torch

import neurosym as ns
from benchmarks.common.process import limit_process, peak_memory, timed
from benchmarks.explain.claims import CLAIMS
from benchmarks.semantics.ours import load_kernels

LIMIT = 900.0  # CPU seconds of a job


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
    """CPU seconds of training before anything was explained, and after everything was."""
    from tasks.diagnosis.data import folds, load_ward
    from tasks.diagnosis.model import Recipe
    from tasks.diagnosis.run import train

    ward = load_ward()
    fold = next(iter(folds(ward)))
    train(ward, fold, Recipe(epochs=2), 0, {})
    assert not any(name.startswith("neurosym.explain") for name in sys.modules), "training loads no explanations"
    # a full collection takes a tenth of such a training: both begin with one, so that both meet as many
    gc.collect()
    before, _ = timed(lambda: train(ward, fold, Recipe(epochs=epochs), 0, {}))
    trained = train(ward, fold, Recipe(epochs=2), 0, {})
    for atom in trained.answers.atoms[:20]:
        ns.explain(trained.answers, atom)
    gc.collect()
    after, _ = timed(lambda: train(ward, fold, Recipe(epochs=epochs), 0, {}))
    return {"cpu": after, "before": before}


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
