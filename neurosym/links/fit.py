"""Training of a link model: one answer against all entities, resumable after each epoch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurosym.errors import DataError
from neurosym.learning.checkpoint import load_checkpoint, save_checkpoint
from neurosym.learning.progress import progress_bar
from neurosym.links.evaluation import KnownAnswers, evaluate
from neurosym.links.graph import Long, both_ways
from neurosym.links.model import LinkModel
from neurosym.links.network.reach import Adjacency, Mask


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        epochs: each sees `share` of all queries, both ways of each triple, drawn anew.
        batch: queries at a time; lr: of Adam at the start, falling to nothing along a line; clip: of the gradient's
            norm.
        mask: what of the graph a query may not see; `own` triple, every edge of the `pair`, or `none`.
        edge_dropout: share of the graph's triples that the paths of a step do not see, drawn anew for each.
        negatives: wrong entities that an answer is compared with, drawn anew for each query; 0 for all there are.
        seed: of the order of the queries and of the dropout.
    """

    epochs: int = 8
    batch: int = 32
    lr: float = 5e-3
    share: float = 1.0
    clip: float = 1.0
    mask: Mask = "own"
    edge_dropout: float = 0.0
    negatives: int = 0
    seed: int = 0


@dataclass
class LinkFit:
    """What training did: for each epoch its loss, the MRR on valid (if any) and CPU seconds so far."""

    losses: list[float] = field(default_factory=list)
    mrr: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    best: int = -1


def fit(
    model: LinkModel,
    graph: Adjacency,
    train: Long,
    valid: Long | None = None,
    recipe: Recipe | None = None,
    checkpoint: Path | None = None,
    progress: bool = True,
    told: Callable[[LinkFit], None] | None = None,
    known: KnownAnswers | None = None,
) -> LinkFit:
    """Train on (n, 3) triples of the graph; the weights of the best epoch on `valid` are kept, of the last without.

    Args:
        graph: which holds the triples of `train`; a query does not see its own.
        checkpoint: file to go on from, where it exists, and to write after each epoch.
        told: called after each epoch.
        known: true answers that do not count before a valid one; those of `train` and `valid` by default.

    Raises:
        DataError: NS932, there is nothing to learn from, or no epoch to do so; NS933, the loss is not finite.
        ModelError: NS711, NS712: the checkpoint is damaged, or of another model.
    """
    recipe = recipe or Recipe()
    if not len(train) or recipe.epochs < 1:
        what = "there are no triples to learn from" if not len(train) else f"{recipe.epochs} epochs teach nothing"
        raise DataError(what, code="NS932")
    result, start = LinkFit(), 0
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.lr)
    best = weights_of(model)
    identity = f"{recipe} {len(train)} triples, {graph.num_relations} relations"
    if checkpoint is not None and checkpoint.is_file():
        best, state = load_checkpoint(checkpoint, model, optimizer, identity)
        result = LinkFit(**state["result"])
        start = len(result.losses)
    else:
        torch.manual_seed(recipe.seed)
    run = _Run(model, graph, train, valid, recipe, optimizer, known)
    with progress_bar(progress) as bar:
        task = None if bar is None else bar.add_task("training", total=recipe.epochs * run.steps, note="")
        for epoch in range(start, recipe.epochs):
            begun = time.process_time()
            total = 0.0
            for step, loss in enumerate(run.epoch(epoch)):
                total += loss
                if bar is not None and task is not None:
                    note = f"epoch {epoch + 1} loss {total / (step + 1):.4f}"
                    bar.update(task, completed=epoch * run.steps + step + 1, note=note)
            result.losses.append(total / run.steps)
            score = run.measure()
            if score is not None:
                result.mrr.append(score)
            if score is None or score >= max(result.mrr):
                result.best, best = epoch, weights_of(model)
            result.seconds.append((result.seconds[-1] if result.seconds else 0.0) + time.process_time() - begun)
            if checkpoint is not None:
                save_checkpoint(checkpoint, model, optimizer, best, {"result": asdict(result)}, identity)
            if told is not None:
                told(result)
    model.load_state_dict(best)
    model.eval()
    return result


class _Run:
    """One training run: its batches, its loss, and its measure on valid."""

    def __init__(
        self, model: LinkModel, graph: Adjacency, train: Long, valid: Long | None, recipe: Recipe,
        optimizer: torch.optim.Optimizer, known: KnownAnswers | None,
    ) -> None:  # fmt: skip
        self.model, self.graph, self.valid, self.recipe, self.optimizer = model, graph, valid, recipe, optimizer
        self.queries = both_ways(train, graph.num_relations)
        self.known = KnownAnswers([train], graph.num_relations)
        everything = [train] if valid is None else [train, valid]
        self.all_known = KnownAnswers(everything, graph.num_relations) if known is None else known
        self.steps = max(1, int(len(self.queries) * recipe.share) // recipe.batch)

    def epoch(self, number: int) -> Iterator[float]:
        """The loss of each step. Epochs draw their own order, so that a resumed one is the one it would have been."""
        order = np.random.default_rng([self.recipe.seed, number]).permutation(len(self.queries))
        self.model.train()
        for step in range(self.steps):
            part = self.queries[order[step * self.recipe.batch : (step + 1) * self.recipe.batch]]
            for group in self.optimizer.param_groups:
                done = (number * self.steps + step) / (self.recipe.epochs * self.steps)
                group["lr"] = self.recipe.lr * max(0.02, 1 - done)
            self.optimizer.zero_grad()
            loss = self.loss(part, np.random.default_rng([self.recipe.seed, number, step]))
            if not bool(torch.isfinite(loss)):
                raise DataError(
                    f"the loss is {loss.item()} in epoch {number + 1}, step {step + 1}", code="NS933",
                    help="lower the learning rate",
                )  # fmt: skip
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
            self.optimizer.step()
            yield loss.item()

    def loss(self, part: Long, random: np.random.Generator) -> Tensor:
        """Cross entropy of each answer against all entities that are no other true answer; and the rules' penalty."""
        seen = None
        if self.recipe.edge_dropout and self.model.networks:
            seen = self.graph.only(random.random(len(self.graph.graph.triples)) >= self.recipe.edge_dropout)
        drawn, only = None, None
        if self.recipe.negatives:
            drawn = random.integers(0, self.graph.num_entities, (len(part), self.recipe.negatives))
            only = np.zeros((len(part), self.graph.num_entities), bool)
            only[np.arange(len(part))[:, None], np.column_stack([part[:, 2], drawn])] = True
        scores = self.model(self.graph, part[:, :2], part[:, 2], self.recipe.mask, seen, only).total
        rows, others = self.known.of(part[:, :2])
        wrong = others != part[rows, 2]
        hidden = torch.zeros(scores.shape, dtype=torch.bool)
        hidden[rows[wrong], others[wrong]] = True
        scores, answers = scores.masked_fill(hidden, -torch.inf), torch.from_numpy(part[:, 2])
        if drawn is not None:
            negatives = torch.from_numpy(drawn)
            # an answer that is drawn beside itself says nothing
            against = scores.gather(1, negatives).masked_fill(negatives == answers[:, None], -torch.inf)
            scores, answers = torch.cat([scores.gather(1, answers[:, None]), against], 1), torch.zeros_like(answers)
        loss = nn.functional.cross_entropy(scores, answers)
        return loss if self.model.rules is None else loss + self.model.rules.penalty()

    def measure(self) -> float | None:
        """The MRR on valid, filtered by what is known of train and valid."""
        if self.valid is None or not len(self.valid):
            return None
        self.model.eval()
        return evaluate(scorer(self.model, self.graph), self.valid, self.all_known, self.recipe.batch).mrr()


def scorer(model: LinkModel, graph: Adjacency) -> Callable[[Long], NDArray[np.float64]]:
    """The model as `evaluate` asks it, with nothing dropped: (B, 2) queries → (B, N) scores."""

    def ask(queries: Long) -> NDArray[np.float64]:
        training = model.training
        model.eval()
        try:
            with torch.no_grad():
                return model(graph, queries).total.double().numpy()
        finally:
            model.train(training)

    return ask


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the model's parameters and buffers, as they are now."""
    return {k: v.detach().clone() for k, v in model.state_dict().items()}
