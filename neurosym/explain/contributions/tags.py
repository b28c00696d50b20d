"""A claim under other probabilities of its leaves: rows of them, or its slope in each."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosym.errors import SemanticsError
from neurosym.semantics import Bounds, Evaluator, Exact, ProofBounds

AnyEvaluator = Exact | Evaluator | Bounds | ProofBounds


def tags_of(evaluator: AnyEvaluator, tags: Tensor) -> NDArray[np.float64]:
    """(R,) tags of an evaluator's one fact under (R, F) leaf tags; NaN where the evidence is impossible."""
    with torch.no_grad():
        if isinstance(evaluator, Exact):
            return evaluator(tags, impossible=math.nan)[:, 0].double().numpy(force=True).copy()
        try:
            return evaluator(tags)[:, 0].double().numpy(force=True).copy()
        except SemanticsError as error:
            if error.code != "NS502":
                raise
            if len(tags) == 1:
                return np.array([math.nan])
            return np.concatenate([tags_of(evaluator, row[None]) for row in tags])  # find out which


def products(evaluator: AnyEvaluator, tags: Tensor) -> tuple[float, Tensor] | None:
    """The tag of an evaluator's one fact, and (F,) each leaf's tag times the slope in it, by one backward pass.

    Args:
        tags: (F,) of the leaves.

    Returns:
        None where the semantics has no gradients (`boolean`, `count`).
    """
    with torch.enable_grad():
        given = tags.detach().clone().requires_grad_()
        claim = evaluator(given[None])[0, 0]
        if not claim.requires_grad:
            return None
        (slope,) = torch.autograd.grad(claim, given)
    return claim.item(), slope * given.detach()


__all__ = ["AnyEvaluator", "products", "tags_of"]
