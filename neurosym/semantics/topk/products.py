"""Probabilities of many conjunctions of constraints on choices, which share their beginnings, over a batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosym.semantics.topk.layout import OTHER, Layout

Pattern = bytes  # which values of one choice are allowed, a byte for each
ROOT = 0  # the empty conjunction


class Products:
    """A tree of conjunctions: each is its parent and one more constraint. Constraints of a branch are independent."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.literals: dict[tuple[int, Pattern], int] = {}
        self._known: dict[tuple[int, int], int] = {}
        self._parent, self._literal, self._level = [ROOT], [-1], [0]

    def __len__(self) -> int:
        return len(self._parent)

    def extend(self, node: int, choice: int, pattern: Pattern) -> int:
        """A conjunction that speaks of one more choice."""
        literal = self.literals.setdefault((choice, pattern), len(self.literals))
        key = (node, literal)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = len(self._parent)
            self._parent.append(node)
            self._literal.append(literal)
            self._level.append(self._level[node] + 1)
        return found

    def evaluate(self, columns: Tensor, sums: Sequence[Sequence[int]]) -> Tensor:
        """(s, B) for each list of conjunctions the sum of their probabilities.

        Args:
            columns: (F, B) probabilities of the leaves.
        """
        parent, level = np.array(self._parent), np.array(self._level)
        literal = np.array(self._literal)
        by_level = np.argsort(level, kind="stable")
        bounds = np.searchsorted(level[by_level], np.arange(level.max() + 2))
        place = np.empty(len(level), np.int64)  # of each conjunction within its level
        place[by_level] = np.arange(len(level)) - bounds[level[by_level]]
        wanted = np.concatenate([np.array(s, np.int64) for s in sums])
        of = np.repeat(np.arange(len(sums)), [len(s) for s in sums])
        wanted_order = np.argsort(level[wanted], kind="stable")
        wanted, of = wanted[wanted_order], of[wanted_order]
        cuts = np.searchsorted(level[wanted], np.arange(level.max() + 2))
        device = columns.device
        factors = self._constraints(columns)
        values = columns.new_ones((1, columns.shape[1]))
        total = columns.new_zeros((len(sums), columns.shape[1]))
        for k in range(len(bounds) - 1):
            members = by_level[bounds[k] : bounds[k + 1]]
            if k:
                above = torch.from_numpy(place[parent[members]]).to(device)
                values = values[above] * factors[torch.from_numpy(literal[members]).to(device)]
            here = slice(cuts[k], cuts[k + 1])
            if cuts[k] < cuts[k + 1]:
                rows = values[torch.from_numpy(place[wanted[here]]).to(device)]
                total = total.index_add(0, torch.from_numpy(of[here]).to(device), rows)
        return total

    def _constraints(self, columns: Tensor) -> Tensor:
        """(literals, B) the probability that a choice takes one of the allowed values."""
        layout = self.layout
        summed: list[int] = []  # leaves to add
        of: list[int] = []
        rest: list[bool] = []  # one minus the sum
        for number, (choice, pattern) in enumerate(self.literals):
            start = int(layout.choice_start[choice])
            leaves = layout.leaf[start : start + len(pattern)].tolist()
            other = leaves[-1] == OTHER and pattern[-1] == 1
            rest.append(other)
            chosen = [f for f, allowed in zip(leaves, pattern, strict=True) if f != OTHER and bool(allowed) != other]
            summed += chosen
            of += [number] * len(chosen)
        device = columns.device
        sums = columns.new_zeros((len(rest), columns.shape[1])).index_add(
            0,
            torch.tensor(of, dtype=torch.long, device=device),
            columns[torch.tensor(summed, dtype=torch.long, device=device)],
        )
        flip = torch.tensor(rest, dtype=torch.bool, device=device)[:, None]
        return torch.where(flip, (1 - sums).clamp_min(0), sums)


def value_weights(layout: Layout, leaf_tags: Tensor) -> NDArray[np.float64]:
    """(v,) the mean probability of each value over the batch."""
    mean = leaf_tags.detach().mean(dim=0).double().cpu().numpy()
    weights = np.where(layout.leaf == OTHER, 0.0, mean[np.maximum(layout.leaf, 0)])
    totals = np.add.reduceat(weights, layout.choice_start[:-1]) if len(weights) else weights
    weights = np.where(layout.leaf == OTHER, 1 - totals[layout.choice], weights)
    return np.clip(weights, 0.0, 1.0)
