"""Gradient times value: how fast the claim changes as a rule or a leaf fades."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from neurosym.explain.contributions.tags import AnyEvaluator, products


def gradient_times_value(evaluator: AnyEvaluator, tags: Tensor, groups: Sequence[Sequence[int]]) -> list[float] | None:
    """For each group of leaves Σ p · ∂claim/∂p, by one backward pass for all.

    It is the slope of the claim as all probabilities of the group are multiplied by one number, where that is 1; what a
    network's value loses goes to no other value.

    Args:
        evaluator: of the claim, which gives it also where leaves have probability 0; tags: (F,) of one sample.
        groups: fact ids of leaves.

    Returns:
        One number for each group; None where the semantics has no gradients (`boolean`, `count`).
    """
    if not groups:
        return []
    found = products(evaluator, tags)
    if found is None:
        return None
    product = found[1].numpy(force=True)
    return [float(product[list(group)].sum()) for group in groups]


__all__ = ["gradient_times_value"]
