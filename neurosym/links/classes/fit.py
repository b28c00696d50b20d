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


@dataclass(frozen=True)
class ClassRecipe:
    """How to train: all labelled entities in each step.

    Attributes:
        epochs: steps; lr: Adam's; decay: of the encoder's weights (AdamW).
        smoothing: of the labels.
        seed: of the dropout.
    """

    epochs: int = 50
    lr: float = 0.01
    decay: float = 5e-4
    smoothing: float = 0.0
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
        DataError: NS932, there are no labels; NS933, the loss is not finite.
    """
    recipe = recipe or ClassRecipe()
    if not len(known):
        raise DataError("there are no labels to learn from", code="NS932")
    torch.manual_seed(recipe.seed)
    fired = None if model.rules is None else model.rules.fired(task.known(known), task, known.entities, known.classes)
    edges, entities = torch.from_numpy(task.graph.edges), torch.from_numpy(known.entities)
    answers = torch.from_numpy(known.classes)
    groups: list[dict[str, object]] = []
    if model.rules is not None:
        groups.append({"params": list(model.rules.parameters()), "weight_decay": 0.0})
    if model.encoder is not None:
        groups.append({"params": list(model.encoder.parameters()), "weight_decay": recipe.decay})
    optimizer = torch.optim.AdamW(groups, lr=recipe.lr)
    losses: list[float] = []
    model.train()
    for epoch in range(recipe.epochs):
        optimizer.zero_grad()
        scores = model(edges, entities, fired, len(task.classes)).total
        loss: Tensor = nn.functional.cross_entropy(scores, answers, label_smoothing=recipe.smoothing)
        if model.rules is not None:
            loss = loss + model.rules.penalty()
        losses.append(float(loss.detach()))
        if not np.isfinite(losses[-1]):
            raise DataError(
                f"the loss is {losses[-1]} in epoch {epoch + 1}", code="NS933", help="lower the learning rate"
            )
        loss.backward()
        optimizer.step()
        if told is not None:
            told(epoch, losses[-1])
    model.eval()
    return losses
