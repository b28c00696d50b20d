"""Predict missing links of a graph, by rules, by paths and by both, with reasons.

neurosym run links [--graph umls] [--seed 0] [--epochs N] [--parts rules,prior,paths,messages] [--members K]
    [--out DIR]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from neurosym.links.calibration import Calibration, Reliability, calibrate, reliability
from neurosym.links.evaluation import KnownAnswers, Ranks, evaluate, ranks_of, some
from neurosym.links.explain import explain_link
from neurosym.links.fit import scorer
from neurosym.links.graph import LinkSplit
from neurosym.links.learning import Stage, learn_links
from neurosym.links.model import LinkModel
from neurosym.links.network.reach import Adjacency
from neurosym.links.priors import SignaturePrior
from neurosym.links.reasons import LinkExplanation
from neurosym.links.report import write_reasons
from neurosym.links.rules import mine, write_rules
from neurosym.links.rules.part import RuleScores
from neurosym.links.saving import NETWORKS, save_links
from tasks.common.options import positive
from tasks.common.record import write
from tasks.links.graphs import SETTINGS, Setting

BATCH = 64
MOST = 3_000  # answers of which it is told what each part explains
PARTS = ("rules", "prior", "paths")
# stage of learning → what it has learned
VARIANTS = {
    "rules": "rules", "others": "{others}", "messages": "messages",
    "balanced": "all, before they learn together",
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What some parts of the model reach on the test.

    Attributes:
        parts: in words; ranks: on the test; valid: MRR on the valid triples.
        learned: CPU seconds from the start until they were learned, mining included; applied: to rank the test.
    """

    parts: str
    ranks: Ranks
    valid: float
    learned: float
    applied: float

    def to_dict(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {
            "parts": self.parts, **self.ranks.figures(), "valid_mrr": self.valid,
            "cpu_seconds_learn": round(self.learned, 1), "cpu_seconds_apply": round(self.applied, 1),
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Trained:
    """A model that was learned, what its parts reach alone, and what of its answers each part explains.

    Attributes:
        outcomes: parts alone, then the whole; told: see `explained`.
    """

    model: LinkModel
    calibration: Calibration
    reliability: Reliability
    outcomes: tuple[Outcome, ...]
    told: dict[str, dict[str, float]]


def folder_of(base: Path, parts: Sequence[str], members: int = 1) -> Path:
    """Where models of some parts are kept: those with messages apart from those without, and by number of members."""
    names = [part for part in NETWORKS if part in parts] if "messages" in parts else []
    names += [f"{members}-members"] * (members > 1)
    return base / "-".join(names) if names else base


def train(
    setting: Setting, split: LinkSplit, parts: Sequence[str], seed: int, folder: Path | None, quiet: bool
) -> Trained:
    """Learn a model of some parts, and measure each of its stages on the test."""
    begun = time.process_time()
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
    size: dict[str, Any] = {"rounds": setting.rounds, "seed": seed, "members": setting.members}
    own = {"messages": setting.messages}
    networks: dict[str, Any] = {
        part: made(count, setting.channels, **size | own.get(part, {}))
        for part, made in NETWORKS.items()
        if part in parts
    }
    model = LinkModel(prior=SignaturePrior(count) if "prior" in parts else None, rules=rules, **networks)
    known = KnownAnswers([split.graph.triples, split.valid, split.test], count)
    outcomes: list[Outcome] = []
    mining = time.process_time() - begun

    def measure(name: str, learned: LinkModel, mrr: float, spent: float) -> None:
        started = time.process_time()
        ranks = evaluate(scorer(learned, asked), split.test, known)
        outcomes.append(Outcome(name, ranks, mrr, spent, time.process_time() - started))

    def told(stage: Stage, learned: LinkModel) -> None:
        if stage.name in VARIANTS and len(parts) > 1 and (stage.name != "balanced" or setting.together.epochs):
            first = [part for part in ("prior", *list(networks)[:1]) if part in parts]
            name = VARIANTS[stage.name].format(others=" + ".join(first))
            measure(name, learned, stage.mrr, mining + stage.seconds)

    recipe = replace(setting.recipe, seed=seed)
    result = learn_links(
        model, graph, learn_on.triples, valid, recipe, setting.together, setting.weighing, folder, not quiet, told
    )
    measure(" + ".join(parts), model, result.mrr, mining + result.stages[-1].seconds)
    before = KnownAnswers([learn_on.triples], count)
    calibration = calibrate(model, graph, valid, before, seed)
    # as on valid: what another part of the hidden links has is neither known nor counted as true
    holds = reliability(model, calibration, asked, split.test, KnownAnswers([split.graph.triples], count), seed=seed)
    if folder is not None:
        save_links(folder / f"model-{seed}.safetensors", model, learn_on.relations, calibration)
    return Trained(model, calibration, holds, tuple(outcomes), explained(model, asked, outcomes[-1].ranks, known))


def explained(model: LinkModel, graph: Adjacency, ranks: Ranks, known: KnownAnswers) -> dict[str, dict[str, float]]:
    """Of the test answers that the whole model ranks first, `MOST` at most, what each part explains.

    Returns:
        Part → `share`, its size over that of all parts, on average, and `first`, how many of these answers the part
        alone, as it is in the whole model, ranks first too.
    """
    first = some(ranks.queries[ranks.mean <= 1], MOST, 0)
    found: dict[str, list[float]] = {}
    for begin in range(0, len(first), BATCH):
        part = first[begin : begin + BATCH]
        with torch.no_grad():
            scores = {k: v.double().numpy() for k, v in model(graph, part[:, :2]).parts.items()}
        at = np.arange(len(part))
        whole = np.maximum(sum(np.abs(v[at, part[:, 2]]) for v in scores.values()), 1e-12)
        for name, values in scores.items():
            best, worst = ranks_of(values, part[:, 2], *known.of(part[:, :2]))
            told = found.setdefault(name, [0.0, 0.0])
            told[0] += float((np.abs(values[at, part[:, 2]]) / whole).sum())
            told[1] += int((best + worst <= 2).sum())
    return {
        name: {"share": share / max(1, len(first)), "first": right / max(1, len(first))}
        for name, (share, right) in found.items()
    }


def reports(trained: Trained, split: LinkSplit, number: int) -> list[LinkExplanation]:
    """The first test links that rank best, each with its reasons."""
    graph, adjacency = split.graph, Adjacency.of(split.graph)
    known = KnownAnswers([graph.triples, split.valid, split.test], len(graph.relations))
    best = np.argsort(trained.outcomes[-1].ranks.mean, kind="stable")[:number]
    told: list[LinkExplanation] = []
    for head, relation, answer in trained.outcomes[-1].ranks.queries[best].tolist():
        why = explain_link(
            trained.model, graph, adjacency, head, relation, answer, paths=3, kinds=2, rules=3, known=known,
            calibration=trained.calibration,
        )  # fmt: skip
        observed = None if why.probability is None else trained.reliability.observed(why.probability)
        remark = "a link of the test, which nothing was learned from"
        told.append(replace(why, truth=True, remark=remark, observed=observed))
    return told


def run(args: Sequence[str]) -> int:
    """The task's command."""
    parser = argparse.ArgumentParser(prog="neurosym run links", description=__doc__)
    parser.add_argument("--graph", choices=tuple(SETTINGS), default="umls")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=positive, help="instead of the recipe's")
    parser.add_argument("--members", type=positive, help="networks whose mean is taken, instead of the setting's")
    parser.add_argument("--parts", help=f"some of rules,prior,{','.join(NETWORKS)}; default: {','.join(PARTS)}")
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
    setting = replace(setting, members=options.members or setting.members)
    parts = PARTS if options.parts is None else tuple(options.parts.split(","))
    if unknown := set(parts) - {"rules", "prior", *NETWORKS}:
        parser.error(f"parts are rules, prior, {', '.join(NETWORKS)}, and not {', '.join(sorted(unknown))}")
    folder = folder_of(options.out / options.graph, parts, setting.members)
    folder.mkdir(parents=True, exist_ok=True)
    split, check = setting.read()
    console = Console(width=max(120, Console().width))
    for note in check.notes:
        console.print(f"[dim]{split.name}: {note}[/dim]")
    trained = train(setting, split, parts, options.seed, folder, options.quiet)
    table = Table(title=f"{split.name}, seed {options.seed}: all entities, filtered, mean ranks for ties")
    for name in ("parts", "MRR", "optimistic", "pessimistic", "hits@1", "hits@10", "to learn", "to apply"):
        table.add_column(name, justify="left" if name == "parts" else "right", no_wrap=True)
    for o in trained.outcomes:
        f = o.ranks.figures()
        numbers = [f["mrr"], f["mrr_optimistic"], f["mrr_pessimistic"], f["hits@1"], f["hits@10"]]
        table.add_row(o.parts, *(f"{x:.4f}" for x in numbers), f"{o.learned:.0f} s", f"{o.applied:.1f} s")
    console.print(table)
    for name, told in trained.told.items():
        console.print(
            f"{name}: {told['share']:.0%} of the score of the answers that the whole model ranks first; "
            f"alone it ranks {told['first']:.0%} of them first"
        )
    error = trained.reliability.error
    console.print(f"probabilities, calibrated on valid, are off by {error:.3f} on the test, where 0.01 or more is said")
    results = {
        "graph": split.name, "seed": options.seed, "variants": [o.to_dict() for o in trained.outcomes],
        "explained": trained.told, "reliability": asdict(trained.reliability),
    }  # fmt: skip
    write(folder / f"results-{options.seed}.json", ["links", *args], [results], asdict(setting))
    told = reports(trained, split, options.reports)
    (folder / "reasons.txt").write_text("\n\n".join(map(str, told)) + "\n", "utf-8")
    lead = (
        f"The first {len(told)} test links by their rank, head and tail queries alike; not a fair sample of the test."
    )
    write_reasons(folder / "reasons", told, f"{split.name}: links and their reasons", lead)
    console.print(f"{folder}: mined.rules, model-{options.seed}.safetensors, results-{options.seed}.json, reasons.txt")
    console.print(f"{folder / 'reasons'}: index.html, a page and a JSON file for each link")
    return 0
