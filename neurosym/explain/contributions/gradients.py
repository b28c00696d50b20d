"""Gradient times value: how fast the claim changes as a rule or a leaf fades."""

from __future__ import annotations

from collections.abc import Sequence

from neurosym.explain.contributions.game import with_rest
from neurosym.explain.contributions.tags import products
from neurosym.reasoner import Answers


def gradient_times_value(
    answers: Answers, fact: int, groups: Sequence[Sequence[int]], sample: int
) -> list[float] | None:
    """For each group of leaves Σ p · ∂claim/∂p, by one backward pass for all.

    It is the slope of the claim as all probabilities of the group are multiplied by one number, where that is 1; what a
    network's value loses goes to no other value.

    Args:
        fact: the claim; groups: fact ids of leaves.

    Returns:
        One number for each group; None where the semantics has no gradients (`boolean`, `count`).
    """
    if not groups:
        return []
    _, evaluator = with_rest(answers, fact, [f for g in groups for f in g])
    found = products(evaluator, answers.leaf_tags[sample])
    if found is None:
        return None
    product = found[1].cpu()
    return [float(product[list(group)].sum()) for group in groups]


__all__ = ["gradient_times_value"]
