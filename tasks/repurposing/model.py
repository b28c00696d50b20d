"""The parts of the model: an expert's rules, mined rules, prior and paths, and how each variant of it is trained."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from neurosym.links.evaluation import KnownAnswers, evaluate
from neurosym.links.fit import Recipe, scorer
from neurosym.links.graph import TripleGraph
from neurosym.links.learning import Stage, Together, learn_links
from neurosym.links.model import LinkModel
from neurosym.links.network.paths import PathNetwork
from neurosym.links.network.reach import Adjacency
from neurosym.links.priors import SignaturePrior
from neurosym.links.rules import PATH, Mining, RuleSet, RulesRead, concatenate, mine, read_rules
from neurosym.links.rules.part import RuleScores
from tasks.repurposing.data import Hetionet

RULES = Path(__file__).parents[2] / "knowledge" / "pharma" / "repurposing.rules"
# name → which rules, and whether their weights are learned (else those of the rule file, or of the counts)
RULES_ALONE = {
    "expert rules, as written": ("expert", False),
    "expert rules": ("expert", True),
    "mined rules, as counted": ("mined", False),
    "mined rules": ("mined", True),
}
FULL = "all together"
# stage of learning the whole model → what has been learned by then
STAGES = {"rules": "expert and mined rules", "others": "paths and prior"}
VARIANTS = (*RULES_ALONE, *STAGES.values(), FULL)


@dataclass(frozen=True)
class Setting:
    """How the model is made and trained.

    Attributes:
        mining: what is searched; mining_seconds: of processor time.
        channels, rounds: of the path network; best: rules that count for each candidate.
        recipe: of prior and paths; together: of all weights at the end; the seed is set for each run.
    """

    mining: Mining = field(default_factory=lambda: Mining(min_confidence=0.02))
    mining_seconds: float = 60.0
    channels: int = 32
    rounds: int = 3
    best: int = 100
    recipe: Recipe = field(default_factory=lambda: Recipe(epochs=2, lr=0.01))
    together: Together = field(default_factory=lambda: Together(epochs=0))


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
    """Path rules for "compound treats disease" mined from the graph, and the CPU seconds that it took."""

    rules: RuleSet
    seconds: float


def mine_rules(data: Hetionet, setting: Setting, seed: int) -> Mined:
    """Mine; the same rules for every variant of a seed."""
    begun = time.process_time()
    found = mine(data.split.graph, [data.treats], setting.mining_seconds, seed, setting.mining)
    # Of a rule with a constant, such as "what class K includes treats D", a few of the 483 training pairs are the whole
    # support, and each of them is answered by the rule that it made: learned with these, the model is worse on dev.
    return Mined(found.take(found.kind == PATH), time.process_time() - begun)


def rules_alone(name: str, data: Hetionet, setting: Setting, seed: int, mined: Mined) -> Trained:
    """One of `RULES_ALONE`; mining counts for those that use its rules."""
    (source, learned), begun = RULES_ALONE[name], time.process_time()
    rules = mined.rules if source == "mined" else expert_rules(data.split.graph).rules
    model, graph = LinkModel(rules=RuleScores(rules, setting.best)).eval(), Adjacency.of(data.split.graph)
    spent = mined.seconds if source == "mined" else 0.0
    if learned:
        found = learn_links(model, graph, data.training, data.split.valid, replace(setting.recipe, seed=seed))
        return Trained(name, model, found.mrr, spent + time.process_time() - begun)
    known = KnownAnswers([data.training, data.split.valid], graph.num_relations)
    mrr = evaluate(scorer(model, graph), data.split.valid, known).mrr()
    return Trained(name, model, mrr, spent + time.process_time() - begun)


def train(
    data: Hetionet, setting: Setting, seed: int, mined: Mined, folder: Path | None = None, progress: bool = True,
    told: Callable[[Trained], None] | None = None,
) -> Trained:  # fmt: skip
    """Learn the whole model, stage by stage; mined rules that are the expert's count as the expert's.

    Args:
        folder: for checkpoints, to go on from.
        told: called with each of `STAGES`; what it spends does not count.
    """
    begun = time.process_time()
    graph, adjacency = data.split.graph, Adjacency.of(data.split.graph)
    expert, count = expert_rules(graph).rules, len(graph.relations)
    own = {str(rule) for rule in expert}
    others = mined.rules.take(np.array([str(rule) not in own for rule in mined.rules], bool))
    model = LinkModel(
        PathNetwork(count, setting.channels, rounds=setting.rounds, seed=seed), SignaturePrior(count),
        RuleScores(concatenate([expert, others]), setting.best),
    )  # fmt: skip

    spent = mined.seconds + time.process_time() - begun

    def tell(stage: Stage, learned: LinkModel) -> None:
        if stage.name in STAGES and told is not None:
            told(Trained(STAGES[stage.name], learned, stage.mrr, spent + stage.seconds))

    recipe = replace(setting.recipe, seed=seed)
    found = learn_links(
        model, adjacency, data.training, data.split.valid, recipe, setting.together, folder=folder, progress=progress,
        told=tell,
    )  # fmt: skip
    return Trained(FULL, model, found.mrr, spent + found.stages[-1].seconds)
