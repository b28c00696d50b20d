"""Learning a link model part by part, then all parts together.

What each part learns alone is its best answer to the whole question; learned only together, the part that learns
quickest, the rules, leaves the others too little to learn from. So the rules' weights are learned first, from firings
that are found once, then prior and paths, then messages, each member of a network by itself, then how much each of
these counts beside the others, on valid triples, and at the end all weights together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from neurosym.errors import DataError
from neurosym.links.evaluation import Floats, KnownAnswers, evaluate, ranks_of, some
from neurosym.links.fit import LinkFit, Recipe, fit, scorer, weights_of
from neurosym.links.graph import Long, both_ways
from neurosym.links.model import LinkModel
from neurosym.links.network.members import APART
from neurosym.links.network.reach import Adjacency
from neurosym.links.rules.learned import Weighing
from neurosym.links.rules.part import RuleScores

SCALES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 50.0, 200.0)
MOST = 2_000  # valid triples that anything is chosen by
BATCH = 32


@dataclass(frozen=True)
class Together:
    """How all weights are learned together at the end.

    Attributes:
        epochs: 0 leaves the parts as they were learned alone; lr: of Adam at the start; share: of all queries, that an
            epoch sees.
    """

    epochs: int = 1
    lr: float = 5e-4
    share: float = 1.0


@dataclass(frozen=True)
class Stage:
    """What was learned up to a stage.

    Attributes:
        name: `rules`, `others`, `messages`, `balanced` or `together`.
        mrr: on valid; seconds: of CPU since learning began.
    """

    name: str
    mrr: float
    seconds: float


@dataclass
class Learned:
    """What learning did, stage by stage.

    Attributes:
        stages: in the order in which they were done.
        mrr: on valid, of the model as it is at the end.
        others, messages: the trainings by gradient, one for each member of the network; messages that are the only
            network belong to `others`. together: of the whole.
        scale: factor of the rules beside the others when they were put together.
    """

    stages: list[Stage] = field(default_factory=list)
    mrr: float = 0.0
    others: tuple[LinkFit, ...] = ()
    messages: tuple[LinkFit, ...] = ()
    together: LinkFit | None = None
    scale: float = 1.0


def learn_links(
    model: LinkModel,
    graph: Adjacency,
    train: Long,
    valid: Long,
    recipe: Recipe | None = None,
    together: Together | None = None,
    weighing: Weighing | None = None,
    folder: Path | None = None,
    progress: bool = True,
    told: Callable[[Stage, LinkModel], None] | None = None,
) -> Learned:
    """Learn a model's parts, then the whole; what all learn together is kept where it is better on `valid` than before.

    Args:
        graph: which holds the triples of `train`, (n, 3); a query does not see its own.
        valid: (m, 3) triples to choose by, of which `MOST` are looked at; no other answers than those of train and
            valid are taken for true.
        recipe: of prior and networks; weighing: of the rules' weights.
        folder: for checkpoints; what was learned is gone on from there.
        told: called after each stage with a model of what has been learned; its time does not count.

    Raises:
        DataError: NS932, there is nothing to learn from, or to choose by; NS933, the loss is not finite.
        ModelError: NS711, NS712: a checkpoint is damaged, or of another model.
    """
    if not len(train) or not len(valid):
        raise DataError("there are no triples to learn from, or none to choose by", code="NS932")
    run = _Learning(model, graph, train, valid, recipe or Recipe(), folder, progress, told)
    if model.rules is not None:
        run.rules(model.rules, weighing)
    if model.prior is not None:
        model.prior.start(train)
    if model.networks or model.prior is not None:
        run.others()
        if run.apart or model.rules is not None:
            run.weigh()
            run.together(together or Together())
    model.eval()
    return run.result


class _Learning:
    """What the stages of one run share: what is learned from, what is chosen by, and what was told so far."""

    def __init__(
        self, model: LinkModel, graph: Adjacency, train: Long, valid: Long, recipe: Recipe, folder: Path | None,
        progress: bool, told: Callable[[Stage, LinkModel], None] | None,
    ) -> None:  # fmt: skip
        self.model, self.graph, self.train, self.recipe = model, graph, train, recipe
        self.folder, self.progress, self.told = folder, progress, told
        self.known = KnownAnswers([train, valid], graph.num_relations)
        self.valid = some(valid, MOST, recipe.seed)
        self.rest = None
        if model.networks or model.prior is not None:
            self.rest = LinkModel(model.paths, model.prior, messages=model.messages)
        self.apart = model.paths is not None and model.messages is not None
        self.result = Learned()
        self.begun, self.away = time.process_time(), 0.0

    def rules(self, rules: RuleScores, weighing: Weighing | None) -> None:
        """The rules' weights, alone."""
        mrr = rules.learn(self.graph, self.train, self.valid, self.known, weighing, self.recipe.seed)
        self._tell("rules", mrr, LinkModel(rules=rules))

    def others(self) -> None:
        """Prior and network; where there are two networks, messages by themselves after paths and prior."""
        assert self.rest is not None
        first = LinkModel(self.model.paths, self.model.prior) if self.apart else self.rest
        self.result.others = self._alone("others", first)
        if self.apart:
            self.result.messages = self._alone("messages", LinkModel(messages=self.model.messages))

    def weigh(self) -> None:
        """How much each part counts: messages beside paths and prior, then rules beside all others."""
        mrr = 0.0
        if self.apart and self.rest is not None:
            _, mrr = balance(self.rest, self.graph, self.valid, self.known, self.recipe.seed, "messages")
        if self.model.rules is not None:
            self.result.scale, mrr = balance(self.model, self.graph, self.valid, self.known, self.recipe.seed)
        self._tell("balanced", mrr, self.model)

    def together(self, together: Together) -> None:
        """All weights by one loss; kept where that is better on valid."""
        if not together.epochs:
            return
        mrr, before = self.result.mrr, weights_of(self.model)
        shorter = replace(self.recipe, epochs=together.epochs, lr=together.lr, share=together.share)
        self.result.together = self._fit(self.model, shorter, "together")
        after = self._measure(self.model)
        if after < mrr:
            self.model.load_state_dict(before)
        self._tell("together", after, self.model)
        self.result.mrr = max(mrr, after)

    def _alone(self, name: str, part: LinkModel) -> tuple[LinkFit, ...]:
        """Each member of a part by itself, then their mean."""
        found: list[LinkFit] = []
        alone = _members(part)
        for k, member in enumerate(alone):
            own = replace(self.recipe, seed=self.recipe.seed + k * APART)
            found.append(self._fit(member, own, name if not k else f"{name}-{k}"))
        _join(part, alone)
        # one member was measured while it was learned
        self._tell(name, max(found[0].mrr) if len(found) == 1 else self._measure(part), part)
        return tuple(found)

    def _fit(self, model: LinkModel, recipe: Recipe, stage: str) -> LinkFit:
        where = None if self.folder is None else self.folder / f"{stage}-{self.recipe.seed}.checkpoint"
        begun = time.process_time()
        found = fit(model, self.graph, self.train, self.valid, recipe, where, self.progress, known=self.known)
        # epochs of a run that was interrupted took their time as well
        self.away -= max(0.0, found.seconds[-1] - (time.process_time() - begun))
        return found

    def _measure(self, model: LinkModel) -> float:
        return evaluate(scorer(model, self.graph), self.valid, self.known, BATCH).mrr()

    def _tell(self, name: str, mrr: float, learned: LinkModel) -> None:
        """A stage is done; what is made of that elsewhere does not count as learning."""
        reached = time.process_time()
        self.result.stages.append(Stage(name, mrr, reached - self.begun - self.away))
        self.result.mrr = mrr
        if self.told is not None:
            self.told(self.result.stages[-1], learned.eval())
        self.away += time.process_time() - reached


def _members(part: LinkModel) -> list[LinkModel]:
    """A model for each member of the part's network, with a prior of its own."""
    networks: list[dict[str, Any]] = [{n.part: n.member(k)} for n in part.networks for k in range(n.members)] or [{}]
    return [LinkModel(prior=deepcopy(part.prior), **made) for made in networks]


def _join(part: LinkModel, alone: Sequence[LinkModel]) -> None:
    """Take what the members learned; the score is the mean of theirs then."""
    if part.prior is not None:
        part.prior.average([made.prior for made in alone if made.prior is not None])
    for network in part.networks:
        network.join([made for model in alone for made in model.networks])


def balance(
    model: LinkModel, graph: Adjacency, valid: Long, known: KnownAnswers, seed: int = 0, part: str = "rules",
    scales: Sequence[float] = SCALES,
) -> tuple[float, float]:  # fmt: skip
    """Choose how much one part counts beside the others, by the rank of valid triples.

    Each part was learned for the softmax that it gives alone, so no part is made larger: where this one counts more,
    the others are made smaller. Of scales that rank as well as the best, up to a standard error of their difference
    over the queries, the one nearest to 1 is taken (the one-standard-error rule; Breiman et al., Classification and
    Regression Trees, 1984): some hundred queries, whose other true answers are partly unknown, do not tell more.

    Args:
        valid: (m, 3), of which `MOST` are looked at; known: answers that do not count before a valid one.
        part: `rules` or `messages`.

    Returns:
        The scale, by which the model's parts stand to each other then, and the MRR with it.
    """
    model.eval()
    queries = both_ways(some(valid, MOST, seed), graph.num_relations)
    found = np.zeros((len(scales), len(queries)))
    with torch.no_grad():
        for begin in range(0, len(queries), BATCH):
            asked = queries[begin : begin + BATCH]
            scores = model(graph, asked[:, :2])
            one = scores.parts[part].double().numpy()
            rest = scores.total.double().numpy() - one
            rows, answers = known.of(asked[:, :2])
            for k, scale in enumerate(scales):
                best, worst = ranks_of(scale * one + rest, asked[:, 2], rows, answers)
                found[k, begin : begin + BATCH] = 2 / (best + worst)
    chosen = nearest_to_one(scales, found)
    model.rescale(part, min(1.0, scales[chosen]), 1 / max(1.0, scales[chosen]))
    return scales[chosen], float(found[chosen].mean())


def nearest_to_one(scales: Sequence[float], found: Floats) -> int:
    """The row of (S, Q) reciprocal ranks that is taken: see `balance`."""
    less = found[found.mean(1).argmax()] - found
    # a single query that differs is one standard error, exactly
    good = less.mean(1) <= less.std(1, ddof=1) / len(found[0]) ** 0.5 + 1e-12
    away = np.abs(np.log(np.maximum(scales, 1e-9)))
    return int(np.where(good, away, np.inf).argmin())


__all__ = ["SCALES", "Learned", "Stage", "Together", "balance", "learn_links", "nearest_to_one"]
