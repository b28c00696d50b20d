"""The parts of the model: an expert's rules, mined rules, prior and paths, and how each variant of it is trained."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from neurosym.links.evaluation import KnownAnswers, evaluate
from neurosym.links.fit import Recipe, fit, scorer
from neurosym.links.graph import TripleGraph
from neurosym.links.model import LinkModel
from neurosym.links.network.paths import PathNetwork
from neurosym.links.network.reach import Adjacency
from neurosym.links.priors import SignaturePrior
from neurosym.links.rules import Mining, RuleSet, RulesRead, concatenate, mine, read_rules
from neurosym.links.rules.part import RuleScores
from tasks.repurposing.data import Hetionet

RULES = Path(__file__).parents[2] / "knowledge" / "pharma" / "repurposing.rules"
PARTS = ("expert", "mined", "prior", "paths")
# name → its parts, and whether its weights are learned (else those of the rule file, or of the counts)
VARIANTS = {
    "expert rules, as written": (("expert",), False),
    "expert rules": (("expert",), True),
    "mined rules, as counted": (("mined",), False),
    "mined rules": (("mined",), True),
    "paths and prior": (("prior", "paths"), True),
    "all together": (PARTS, True),
}


@dataclass(frozen=True)
class Setting:
    """How the model is made and trained.

    Attributes:
        mining: what is searched; mining_seconds: of processor time.
        channels, rounds: of the path network; best: rules that count for each candidate.
        rule_scale: what the weights of rules are multiplied by before learning: the start of -log(1 - confidence) is
            of the size of 0.1, and a sum of paths of the size of 10.
        recipe: of the training; its seed is set for each run.
    """

    mining: Mining = field(default_factory=Mining)
    mining_seconds: float = 60.0
    channels: int = 32
    rounds: int = 3
    best: int = 100
    rule_scale: float = 20.0
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True, eq=False)
class Trained:
    """A variant after training: the model, its MRR on dev (against all entities), and CPU seconds to mine and learn."""

    name: str
    model: LinkModel
    valid: float
    seconds: float


def expert_rules(graph: TripleGraph) -> RulesRead:
    """The rules of knowledge/pharma, over the relations of a graph.

    Raises:
        ValueError: a rule of the file is no path of this graph; such rules would be left out without a word.
    """
    read = read_rules(RULES, graph)
    if read.others:
        raise ValueError(f"{RULES.name}: no paths of the graph: {', '.join(read.others)}")
    return read


@dataclass(frozen=True, eq=False)
class Mined:
    """Rules for "compound treats disease" mined from the graph, and the CPU seconds that it took."""

    rules: RuleSet
    seconds: float


def mine_rules(data: Hetionet, setting: Setting, seed: int) -> Mined:
    """Mine; the same rules for every variant of a seed."""
    begun = time.process_time()
    found = mine(data.split.graph, [data.treats], setting.mining_seconds, seed, setting.mining)
    return Mined(found, time.process_time() - begun)


def rules_for(data: Hetionet, parts: Sequence[str], mined: RuleSet) -> RuleSet | None:
    """The rules of some parts: the expert's first, then the mined ones that are not the expert's."""
    sets: list[RuleSet] = []
    if "expert" in parts:
        sets.append(expert_rules(data.split.graph).rules)
    if "mined" in parts:
        own = {str(rule) for some in sets for rule in some}
        sets.append(mined.take(np.array([str(rule) not in own for rule in mined], bool)))
    return concatenate(sets) if sets else None


def train(
    name: str, data: Hetionet, setting: Setting, seed: int, mined: Mined, checkpoint: Path | None = None,
    progress: bool = True,
) -> Trained:  # fmt: skip
    """Learn one variant; with a checkpoint, go on from it.

    Args:
        name: of `VARIANTS`.
        mined: as `mine_rules` gives them; their time counts for the variants that use them.
    """
    (parts, learned), begun = VARIANTS[name], time.process_time()
    graph, adjacency = data.split.graph, Adjacency.of(data.split.graph)
    count = len(graph.relations)
    rules = rules_for(data, parts, mined.rules)
    network = PathNetwork(count, setting.channels, rounds=setting.rounds, seed=seed) if "paths" in parts else None
    model = LinkModel(
        network, SignaturePrior(count) if "prior" in parts else None,
        None if rules is None else RuleScores(rules, setting.best),
    ).eval()  # fmt: skip
    if model.rules is not None and learned:
        model.rules.weight.log_scale.data.fill_(math.log(setting.rule_scale))
    spent = mined.seconds if "mined" in parts else 0.0
    if not learned:
        known = KnownAnswers([data.training, data.split.valid], count)
        found = evaluate(scorer(model, adjacency), data.split.valid, known).mrr()
        return Trained(name, model, found, spent + time.process_time() - begun)
    recipe = replace(setting.recipe, seed=seed)
    done = fit(model, adjacency, data.training, data.split.valid, recipe, checkpoint, progress)
    return Trained(name, model, max(done.mrr), spent + max(time.process_time() - begun, done.seconds[-1]))
