"""Predict missing links of a graph, by rules, by paths and by both, with reasons.

neurosym run links [--graph umls] [--seed 0] [--epochs N] [--parts rules,prior,paths] [--out DIR]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from neurosym.links.evaluation import KnownAnswers, Ranks, evaluate
from neurosym.links.explain import explain_link
from neurosym.links.fit import fit, scorer
from neurosym.links.graph import LinkSplit
from neurosym.links.model import LinkModel
from neurosym.links.network.paths import PathNetwork
from neurosym.links.network.reach import Adjacency
from neurosym.links.priors import SignaturePrior
from neurosym.links.rules import mine, write_rules
from neurosym.links.rules.part import RuleScores
from tasks.links.graphs import SETTINGS, Setting

PARTS = ("rules", "prior", "paths")
VARIANTS = (("rules",), ("prior", "paths"), PARTS)


@dataclass(frozen=True)
class Outcome:
    """One variant of the model on one graph: its ranks on the test, and CPU seconds to learn and to apply it."""

    parts: tuple[str, ...]
    ranks: Ranks
    learned: float
    applied: float
    valid: float
    model: LinkModel

    def to_dict(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {
            "parts": list(self.parts), **self.ranks.figures(), "valid_mrr": self.valid,
            "cpu_seconds_learn": round(self.learned, 1), "cpu_seconds_apply": round(self.applied, 1),
        }  # fmt: skip


def train(
    setting: Setting, split: LinkSplit, parts: Sequence[str], seed: int, folder: Path | None, quiet: bool
) -> Outcome:
    """Learn one variant, and measure it on the test."""
    started = time.process_time()
    learn_on = split.graph if split.train_graph is None else split.train_graph
    valid = split.valid if split.train_valid is None else split.train_valid
    graph = Adjacency.of(learn_on)
    asked = graph if split.train_graph is None else Adjacency.of(split.graph)
    count = len(learn_on.relations)
    rules = None
    if "rules" in parts:
        mined = mine(learn_on, seconds=setting.seconds, seed=seed, options=setting.mining)
        rules = RuleScores(mined, setting.best)
        if folder is not None:
            write_rules(mined.take(np.arange(min(500, len(mined)))), learn_on, folder / "mined.rules")
    network = PathNetwork(count, setting.channels, rounds=setting.rounds, seed=seed) if "paths" in parts else None
    model = LinkModel(network, SignaturePrior(count) if "prior" in parts else None, rules)
    checkpoint = None if folder is None else folder / f"{'-'.join(parts)}-{seed}.checkpoint"
    recipe = replace(setting.recipe, seed=seed)
    result = fit(model, graph, learn_on.triples, valid, recipe, checkpoint, progress=not quiet)
    learned = time.process_time() - started
    started = time.process_time()
    known = KnownAnswers([split.graph.triples, split.valid, split.test], count)
    ranks = evaluate(scorer(model, asked), split.test, known)
    return Outcome(tuple(parts), ranks, learned, time.process_time() - started, max(result.mrr), model)


def reports(outcome: Outcome, split: LinkSplit, number: int) -> str:
    """The first test links that rank best, each with its reasons, as text."""
    graph, adjacency = split.graph, Adjacency.of(split.graph)
    known = KnownAnswers([graph.triples, split.valid, split.test], len(graph.relations))
    best = np.argsort(outcome.ranks.mean, kind="stable")[:number]
    texts = []
    for head, relation, answer in outcome.ranks.queries[best].tolist():
        why = explain_link(
            outcome.model, graph, adjacency, head, relation, answer, paths=3, kinds=2, rules=3, known=known
        )
        texts.append(str(why))
    return "\n\n".join(texts) + "\n"


def run(args: Sequence[str]) -> int:
    """The task's command."""
    parser = argparse.ArgumentParser(prog="neurosym run links", description=__doc__)
    parser.add_argument("--graph", choices=tuple(SETTINGS), default="umls")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument("--parts", help="only one variant, such as rules,prior,paths")
    parser.add_argument(
        "--out", type=Path, default=Path("out/links"), help="folder for rules, checkpoints, results, reports"
    )
    parser.add_argument("--reports", type=int, default=10, help="links that are explained")
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args(list(args))
    torch.set_num_threads(1)
    setting = SETTINGS[options.graph]
    if options.epochs is not None:
        setting = replace(setting, recipe=replace(setting.recipe, epochs=options.epochs))
    variants = VARIANTS if options.parts is None else (tuple(options.parts.split(",")),)
    if any(p not in PARTS for v in variants for p in v):
        parser.error(f"parts are {', '.join(PARTS)}")
    folder = options.out / options.graph
    folder.mkdir(parents=True, exist_ok=True)
    split, check = setting.read()
    console = Console(width=max(100, Console().width))
    for note in check.notes:
        console.print(f"[dim]{split.name}: {note}[/dim]")
    outcomes = [train(setting, split, parts, options.seed, folder, options.quiet) for parts in variants]
    table = Table(title=f"{split.name}, seed {options.seed}: all entities, filtered, mean ranks for ties")
    for name in ("parts", "MRR", "optimistic", "pessimistic", "hits@1", "hits@10", "to learn", "to apply"):
        table.add_column(name, justify="left" if name == "parts" else "right")
    for o in outcomes:
        f = o.ranks.figures()
        numbers = [f["mrr"], f["mrr_optimistic"], f["mrr_pessimistic"], f["hits@1"], f["hits@10"]]
        table.add_row(" + ".join(o.parts), *(f"{x:.4f}" for x in numbers), f"{o.learned:.0f} s", f"{o.applied:.0f} s")
    console.print(table)
    results = {"graph": split.name, "seed": options.seed, "variants": [o.to_dict() for o in outcomes]}
    (folder / f"results-{options.seed}.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    (folder / "reasons.txt").write_text(reports(outcomes[-1], split, options.reports), "utf-8")
    console.print(f"{folder}: the mined rules, results-{options.seed}.json, reasons.txt")
    return 0
