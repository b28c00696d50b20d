"""Predict which research group a person belongs to, by rules, by an encoder and by both, with reasons.

neurosym run affiliation [--encoder rgcn] [--parts rules,encoder] [--seeds 10] [--folds 5] [--published]
    [--literals all] [--out DIR]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from neurosym.learning.progress import progress_bar
from neurosym.links.classes import (
    ClassExplanation,
    ClassModel,
    ClassRecipe,
    ClassRules,
    Labels,
    explain_class,
    fit_classes,
    save_classes,
)
from neurosym.links.report import write_reasons
from neurosym.links.rules import Mining, RuleSet, mine, write_rules
from neurosym.neural.encoders import CompGCNEncoder, RGCNEncoder
from tasks.affiliation.data import LITERALS, Affiliations, folds, read_aifb
from tasks.common.record import write

VARIANTS = (("rules",), ("encoder",), ("rules", "encoder"))


@dataclass(frozen=True)
class Setting:
    """How one encoder and the rules are trained: chosen by cross-validation inside the training people.

    Attributes:
        hidden, dropout: of the encoder; alone: its dropout where no rules stand beside it; bases: of R-GCN,
            composition: of CompGCN.
        best, rule_dropout, rule_decay: of the rules.
    """

    encoder: str = "rgcn"
    hidden: int = 16
    dropout: float = 0.7
    alone: float = 0.3
    bases: int | None = None
    composition: str = "mult"
    best: int = 100
    rule_dropout: float = 0.3
    rule_decay: float = 1e-2
    # of a hundred rules a group, those on single publications would leave no room for the fax number of an office
    mining: Mining = field(default_factory=lambda: Mining(constants_per_head=1000))
    recipe: ClassRecipe = field(default_factory=ClassRecipe)


SETTINGS = {"rgcn": Setting(alone=0.0), "compgcn": Setting("compgcn")}


@dataclass(frozen=True)
class Outcome:
    """One variant with one seed.

    Attributes:
        right: (n,) whether each test person's group is the one predicted; seconds: of CPU, mining included.
    """

    parts: tuple[str, ...]
    seed: int
    right: np.ndarray
    seconds: float
    model: ClassModel

    @property
    def accuracy(self) -> float:
        """Share of the test people whose group is right."""
        return float(self.right.mean())


def learn_rules(data: Affiliations, known: Labels, setting: Setting, seed: int = 0) -> RuleSet:
    """Rules that derive an affiliation, from the graph and these labels alone."""
    task = data.task
    rules = mine(task.known(known), [task.relation], seed=seed, options=setting.mining)
    return rules.take(rules.head == task.relation)


def train(
    data: Affiliations, known: Labels, asked: Labels, parts: Sequence[str], setting: Setting, seed: int,
    rules: RuleSet | None = None,
) -> Outcome:  # fmt: skip
    """Learn one variant from the known labels, and ask it about other people.

    Args:
        rules: mined already, from the same labels.
    """
    started, task = time.process_time(), data.task
    part, encoder = None, None
    if "rules" in parts:
        rules = learn_rules(data, known, setting, seed) if rules is None else rules
        part = ClassRules(rules, setting.mining.min_support, setting.best, setting.rule_dropout, setting.rule_decay)
    if "encoder" in parts:
        size = len(task.graph.entities), len(task.graph.relations), len(task.classes)
        dropout = setting.alone if part is None else setting.dropout
        common = {"hidden": setting.hidden, "dropout": dropout, "seed": seed}
        if setting.encoder == "rgcn":
            encoder = RGCNEncoder(*size, bases=setting.bases, **common)
        else:
            encoder = CompGCNEncoder(*size, composition=setting.composition, **common)
    model = ClassModel(part, encoder)
    recipe = ClassRecipe(**{**vars(setting.recipe), "seed": seed})
    fit_classes(model, task, known, recipe)
    scores = model.predict(task, known, asked.entities)
    right = scores.total.argmax(1).numpy() == asked.classes
    return Outcome(tuple(parts), seed, right, time.process_time() - started, model)


def reports(data: Affiliations, outcome: Outcome, number: int) -> list[ClassExplanation]:
    """Test people with the reasons of their groups: those predicted wrongly first."""
    told: list[ClassExplanation] = []
    for row in np.argsort(outcome.right, kind="stable")[:number].tolist():
        entity, own = int(data.test.entities[row]), int(data.test.classes[row])
        why = explain_class(outcome.model, data.task, data.train, entity, rules=3, edges=5)
        right = bool(outcome.right[row])
        remark = "" if right else f"it is {data.name(int(data.task.classes[own]))}"
        told.append(replace(why, truth=right, remark=remark))
    return told


def run(args: Sequence[str]) -> int:
    """The task's command."""
    options = _options(args)
    torch.set_num_threads(1)
    setting = SETTINGS[options.encoder]
    if options.epochs is not None:
        recipe = ClassRecipe(**{**vars(setting.recipe), "epochs": options.epochs})
        setting = Setting(**{**vars(setting), "recipe": recipe})
    options.out.mkdir(parents=True, exist_ok=True)
    console, data = Console(width=max(100, Console().width)), read_aifb(options.published, options.literals)
    graph = data.task.graph
    console.print(
        f"[dim]{len(graph.entities):,} entities, {len(graph.triples):,} triples; {'; '.join(data.check.notes)}"
    )
    for leak in data.task.withheld.leaks:
        console.print(f"[dim]taken out: {leak}", highlight=False)
    seeds = range(options.seed, options.seed + options.seeds)
    outcomes: list[Outcome] = []
    with progress_bar(not options.quiet) as bar:
        work = None if bar is None else bar.add_task("training", total=len(seeds) * len(options.variants), note="")
        for parts in options.variants:
            for seed in seeds:
                outcomes.append(_measure(data, parts, setting, seed, options.folds))
                if bar is not None and work is not None:
                    bar.update(work, advance=1, note=f"{' + '.join(parts)}, seed {seed}")
    about = {
        "protocol": "published" if options.published else "strict", "encoder": options.encoder,
        "literals": options.literals,
        "asked": f"{len(outcomes[0].right)} test people" if not options.folds else f"{options.folds}-fold in train",
    }  # fmt: skip
    console.print(_table(outcomes, about))
    settings = about | {"withheld": [vars(leak) for leak in data.task.withheld.leaks], **asdict(setting)}
    write(options.out / "results.json", ["affiliation", *args], _results(outcomes), settings)
    if options.folds:
        return 0
    whole = outcomes[-len(seeds)]
    if whole.model.rules is not None:
        write_rules(whole.model.rules.rules, data.task.known(data.train), options.out / "mined.rules")
    told = reports(data, whole, options.reports)
    (options.out / "reasons.txt").write_text("\n\n".join(map(str, told)) + "\n", "utf-8")
    lead = f"{len(told)} of the {len(whole.right)} test people; those whose group is predicted wrongly come first."
    write_reasons(options.out / "reasons", told, "Affiliations and their reasons", lead)
    save_classes(options.out / "model.safetensors", whole.model, data.task)
    (options.out / "predictions.json").write_text(json.dumps(_predictions(data, whole), indent=1) + "\n", "utf-8")
    console.print(f"{options.out}: the rules, model.safetensors, results.json, predictions.json, reasons.txt")
    console.print(f"{options.out / 'reasons'}: index.html, a page and a JSON file for each person")
    return 0


def _options(args: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="neurosym run affiliation", description=__doc__)
    parser.add_argument("--encoder", choices=tuple(SETTINGS), default="compgcn")
    parser.add_argument("--parts", help="only one variant, such as rules,encoder")
    parser.add_argument("--seeds", type=int, default=10, help="how many, from --seed on")
    parser.add_argument("--seed", type=int, default=0, help="the first")
    parser.add_argument(
        "--folds", type=int, default=0, help="cross-validate in the training people, ask no test person"
    )
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument(
        "--published", action="store_true", help="leave `member` and `head` in the graph, as the literature does"
    )
    parser.add_argument("--literals", choices=LITERALS, default="all", help="phone numbers and the like, as entities")
    parser.add_argument("--out", type=Path, default=Path("out/affiliation"), help="folder for rules, results, reports")
    parser.add_argument("--reports", type=int, default=10, help="people whose prediction is explained")
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args(list(args))
    if options.seeds < 1:
        parser.error("--seeds is at least 1")
    options.variants = VARIANTS if options.parts is None else (tuple(options.parts.split(",")),)
    if any(variant not in VARIANTS for variant in options.variants):
        parser.error("parts are rules, encoder, or rules,encoder")
    return options


def _measure(data: Affiliations, parts: Sequence[str], setting: Setting, seed: int, count: int) -> Outcome:
    """One seed on the test, or on the folds of the training people: then the model is the last fold's."""
    if not count:
        return train(data, data.train, data.test, parts, setting, seed)
    found = [train(data, learn, ask, parts, setting, seed) for learn, ask in folds(data.train, count, seed)]
    right, seconds = np.concatenate([o.right for o in found]), sum(o.seconds for o in found)
    return Outcome(found[-1].parts, seed, right, seconds, found[-1].model)


def _predictions(data: Affiliations, outcome: Outcome) -> list[dict[str, object]]:
    """Each test person with the scores of all groups, part by part."""
    groups = [data.name(c) for c in data.task.classes.tolist()]
    scores = outcome.model.predict(data.task, data.train, data.test.entities)
    probability = scores.probability
    return [
        {
            "person": data.task.graph.entities[entity], "name": data.name(entity), "group": groups[own],
            "predicted": groups[int(probability[row].argmax())], "probability": float(probability[row].max()),
            "parts": {n: dict(zip(groups, p[row].tolist(), strict=True)) for n, p in scores.parts.items()},
        }
        for row, (entity, own) in enumerate(zip(data.test.entities.tolist(), data.test.classes.tolist(), strict=True))
    ]  # fmt: skip


def _groups(outcomes: Sequence[Outcome]) -> list[tuple[tuple[str, ...], list[Outcome]]]:
    found = [(parts, [o for o in outcomes if o.parts == parts]) for parts in VARIANTS]
    return [(parts, group) for parts, group in found if group]


def _table(outcomes: Sequence[Outcome], about: dict[str, str]) -> Table:
    table = Table(title="AIFB, " + ", ".join(f"{name}: {value}" for name, value in about.items()))
    for name in ("parts", "accuracy", "std", "least", "most", "seeds", "CPU s each"):
        table.add_column(name, justify="left" if name == "parts" else "right")
    for parts, group in _groups(outcomes):
        found = np.array([o.accuracy for o in group])
        table.add_row(
            " + ".join(parts), *(f"{x:.4f}" for x in (found.mean(), found.std(), found.min(), found.max())),
            str(len(group)), f"{np.mean([o.seconds for o in group]):.1f}",
        )  # fmt: skip
    return table


def _results(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """What each seed of each variant gave."""
    return [
        {"parts": list(o.parts), "seed": o.seed, "accuracy": o.accuracy, "cpu_seconds": round(o.seconds, 1)}
        for o in outcomes
    ]
