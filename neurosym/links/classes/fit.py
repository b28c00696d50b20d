"""Training of a class model: rules and encoder together, by the labels of some entities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from neurosym.errors import DataError
from neurosym.links.classes.labels import ClassGraph, Labels
from neurosym.links.classes.model import ClassModel
from neurosym.links.network.reach import Adjacency
from neurosym.links.sampling import NeighbourSampler


@dataclass(frozen=True)
class ClassRecipe:
    """How to train: all labelled entities in each step, over the whole graph; or batches of them, over what is near.

    Attributes:
        epochs: passes over the labelled entities; lr: Adam's; decay: of the encoder's weights (AdamW).
        smoothing: of the labels.
        batch: entities in a step, None for all of them.
        fanout: of a `NeighbourSampler`, one number for each hop; without it, the encoder runs over the whole graph.
        seed: of the dropout, of the order and of what is drawn.
    """

    epochs: int = 50
    lr: float = 0.01
    decay: float = 5e-4
    smoothing: float = 0.0
    batch: int | None = None
    fanout: tuple[int, ...] | None = None
    seed: int = 0


def fit_classes(
    model: ClassModel, task: ClassGraph, known: Labels, recipe: ClassRecipe | None = None,
    told: Callable[[int, float], None] | None = None,
) -> list[float]:  # fmt: skip
    """Train on the known labels; no one's own label is among what its rules read.

    Args:
        told: called with each epoch and its loss.

    Returns:
        The loss of each epoch.

    Raises:
        DataError: NS932, there are no labels; NS933, the loss is not finite; NS937, the fanout cannot be drawn.
    """
    recipe = recipe or ClassRecipe()
    if not len(known):
        raise DataError("there are no labels to learn from", code="NS932")
    torch.manual_seed(recipe.seed)
    run = _Run(model, task, known, recipe)
    losses: list[float] = []
    model.train()
    for epoch in range(recipe.epochs):
        losses.append(run.epoch(epoch))
        if told is not None:
            told(epoch, losses[-1])
    model.eval()
    return losses


class _Run:
    """One training run: its batches and its steps."""

    def __init__(self, model: ClassModel, task: ClassGraph, known: Labels, recipe: ClassRecipe) -> None:
        self.model, self.task, self.known, self.recipe = model, task, known, recipe
        rules, encoder = model.rules, model.encoder
        self.fired = None if rules is None else rules.fired(task.known(known), task, known.entities, known.classes)
        groups: list[dict[str, object]] = []
        if rules is not None:
            groups.append({"params": list(rules.parameters()), "weight_decay": 0.0})
        if encoder is not None:
            groups.append({"params": list(encoder.parameters()), "weight_decay": recipe.decay})
        self.optimizer = torch.optim.AdamW(groups, lr=recipe.lr)
        self.edges = torch.from_numpy(task.graph.edges)
        drawn = encoder is not None and recipe.fanout is not None
        self.sampler = NeighbourSampler(Adjacency.of(task.graph), recipe.fanout or ()) if drawn else None

    def epoch(self, number: int) -> float:
        """The mean loss of one pass over the labelled entities."""
        size, count = self.recipe.batch or len(self.known), len(self.known)
        random = np.random.default_rng([self.recipe.seed, number])
        # all at once they stand in their own order, so that rounding does not depend on a seed
        order = random.permutation(count) if size < count else np.arange(count)
        total = 0.0
        for begin in range(0, count, size):
            rows = order[begin : begin + size]
            loss = self._step(rows, random)
            if not np.isfinite(loss):
                raise DataError(
                    f"the loss is {loss} in epoch {number + 1}", code="NS933", help="lower the learning rate"
                )  # fmt: skip
            total += loss * len(rows)
        return total / count

    def _step(self, rows: np.ndarray, random: np.random.Generator) -> float:
        model, known = self.model, self.known.take(rows)
        self.optimizer.zero_grad()
        fired = None if self.fired is None else self.fired.take(torch.from_numpy(rows))
        edges, held = self.edges, None
        if self.sampler is not None:
            part = self.sampler.draw(known.entities, random)
            edges, held = torch.from_numpy(part.edges), torch.from_numpy(part.entities)
        classes = len(self.task.classes)
        scores = model(edges, torch.from_numpy(known.entities), fired, classes, held).total
        answers = torch.from_numpy(known.classes)
        loss: Tensor = nn.functional.cross_entropy(scores, answers, label_smoothing=self.recipe.smoothing)
        if model.rules is not None:
            loss = loss + model.rules.penalty()
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())
