"""A claim under other probabilities of its leaves: rows of them, or its slope in each."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosym.errors import ImpossibleEvidence, SemanticsError
from neurosym.semantics import Bounds, Evaluator, Exact, ProofBounds

AnyEvaluator = Exact | Evaluator | Bounds | ProofBounds


def tags_of(evaluator: AnyEvaluator, tags: Tensor) -> NDArray[np.float64]:
    """(R,) tags of an evaluator's one fact under (R, F) leaf tags; NaN where the evidence is impossible."""
    return bounds_of(evaluator, tags).mean(axis=1)


def bounds_of(evaluator: AnyEvaluator, tags: Tensor) -> NDArray[np.float64]:
    """(R, 2) between which numbers these tags lie, which are equal unless the semantics gives bounds."""
    with torch.no_grad():
        try:
            if isinstance(evaluator, Bounds | ProofBounds):
                lower, upper = evaluator.bounds(tags)
            elif isinstance(evaluator, Exact):
                lower = upper = evaluator(tags, impossible=math.nan)
            else:
                lower = upper = evaluator(tags)
        except SemanticsError as error:
            # NS532: no proof of the evidence is left among those that `topk` looks at
            if not isinstance(error, ImpossibleEvidence) and error.code != "NS532":
                raise
            if len(tags) == 1:
                return np.full((1, 2), math.nan)
            return np.concatenate([bounds_of(evaluator, row[None]) for row in tags])  # find out which
        return torch.stack([lower[:, 0], upper[:, 0]], dim=1).double().numpy(force=True)


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


__all__ = ["AnyEvaluator", "bounds_of", "products", "tags_of"]
