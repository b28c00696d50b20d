"""Fuzzy truth of ground formulas, with quantifiers as power means.

Badreddine, d'Avila Garcez, Serafini & Spranger, Logic Tensor Networks (Artificial Intelligence 303, 2022). `product` is
its *stable product* configuration: operands are kept a little off 0 or 1 where a derivative would vanish or explode.
Implication is `not a or b` in each logic: Reichenbach's, Łukasiewicz's, Kleene and Dienes'.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurosym.grounding.formulas import (
    AND,
    ATOM,
    EXISTS,
    FORALL,
    IFF,
    IMPLIES,
    NOT,
    OR,
    TRUE,
    FormulaGraph,
)

FUZZY = ("product", "lukasiewicz", "goedel", "hinge")
STABLE = 1e-4


@dataclass(frozen=True)
class _Group:
    """Nodes of a layer of one kind and number of children: (n,) nodes, (n, w) children."""

    kind: int
    nodes: Tensor
    children: Tensor


class FuzzyFormulas:
    """The truth of all nodes of a formula graph under one logic; made once, evaluated for every batch."""

    def __init__(self, graph: FormulaGraph, logic: str, p: float = 2.0, stable: float = STABLE) -> None:
        """Lay out the graph.

        Args:
            logic: `product`, `lukasiewicz`, `goedel`, or `hinge`: Łukasiewicz logic in which `forall` is a conjunction
                and `exists` a disjunction, whose complement is PSL's distance to satisfaction.
            p: of the power means; the larger, the more the worst instance counts. 1 is the mean.
            stable: how far `product` keeps operands off 0 or 1.
        """
        self.logic, self.p = logic, p
        self.stable = stable if logic == "product" else 0.0
        self.graph = graph
        atoms = np.nonzero(graph.kind == ATOM)[0]
        self.atom_nodes = torch.from_numpy(atoms)
        self.atom_ids = torch.from_numpy(graph.atom[atoms].astype(np.int64))
        self.true_nodes = torch.from_numpy(np.nonzero((graph.kind == TRUE) | self._empty(FORALL))[0])
        self.groups = self._layout()

    def _empty(self, kind: int) -> np.ndarray:
        return (self.graph.kind == kind) & (np.diff(self.graph.start) == 0)

    def _layout(self) -> list[_Group]:
        graph = self.graph
        width = np.diff(graph.start)
        inner = np.nonzero(width > 0)[0]
        keys = np.stack([graph.level[inner], graph.kind[inner].astype(np.int64), width[inner]], axis=1)
        found: list[_Group] = []
        distinct, of = np.unique(keys, axis=0, return_inverse=True)
        for number, (_, kind, w) in enumerate(distinct.tolist()):
            nodes = inner[of.reshape(-1) == number]
            children = graph.children[graph.start[nodes][:, None] + np.arange(w)[None, :]].astype(np.int64)
            found.append(_Group(kind, torch.from_numpy(nodes), torch.from_numpy(children)))
        return found

    def __call__(self, atoms: Tensor) -> Tensor:
        """(N, B) truth of all nodes.

        Args:
            atoms: (A, B) truth of the atoms.
        """
        values = atoms.new_zeros((self.graph.num_nodes, atoms.shape[1]))
        values[self.true_nodes] = 1
        values = values.index_copy(0, self.atom_nodes, atoms[self.atom_ids])
        for group in self.groups:
            values = values.index_copy(0, group.nodes, self.connect(group.kind, values[group.children]))
        return values

    def connect(self, kind: int, x: Tensor) -> Tensor:
        """(n, B) truth of connectives over (n, w, B) operands."""
        if kind == NOT:
            return 1 - x[:, 0]
        if kind == AND:
            return self._and(x)
        if kind == OR:
            return self._or(x)
        if kind == IMPLIES:
            return self._implies(x[:, 0], x[:, 1])
        if kind == IFF:
            both = torch.stack([self._implies(x[:, 0], x[:, 1]), self._implies(x[:, 1], x[:, 0])], dim=1)
            return self._and(both)
        assert kind in (FORALL, EXISTS)
        if self.logic == "hinge":
            return self._and(x) if kind == FORALL else self._or(x)
        return self._mean(x) if kind == EXISTS else 1 - self._mean(1 - self._below_one(x), shifted=True)

    def _above_zero(self, x: Tensor) -> Tensor:
        return (1 - self.stable) * x + self.stable

    def _below_one(self, x: Tensor) -> Tensor:
        return (1 - self.stable) * x

    def _mean(self, x: Tensor, shifted: bool = False) -> Tensor:
        """The power mean over dim 1; its slope at 0 is taken as 0, where it has none."""
        x = x if shifted else self._above_zero(x)
        if self.p == 1:
            return x.mean(dim=1)
        mean = x.clamp_min(0).pow(self.p).mean(dim=1)
        some = mean > 0
        return torch.where(some, torch.where(some, mean, torch.ones_like(mean)).pow(1 / self.p), torch.zeros_like(mean))

    def _and(self, x: Tensor) -> Tensor:
        if self.logic == "product":
            return _fold(self._above_zero(x), torch.mul)
        if self.logic == "goedel":
            return x.amin(dim=1)
        return (x.sum(dim=1) - (x.shape[1] - 1)).clamp_min(0)

    def _or(self, x: Tensor) -> Tensor:
        if self.logic == "product":
            return 1 - _fold(1 - self._below_one(x), torch.mul)
        if self.logic == "goedel":
            return x.amax(dim=1)
        return x.sum(dim=1).clamp_max(1)

    def _implies(self, x: Tensor, y: Tensor) -> Tensor:
        if self.logic == "product":
            x, y = self._above_zero(x), self._below_one(y)
            return 1 - x + x * y
        if self.logic == "goedel":
            return torch.maximum(1 - x, y)
        return (1 - x + y).clamp_max(1)


def _fold(x: Tensor, times: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """A product over dim 1 whose gradient is finite where a factor is 0."""
    while x.shape[1] > 1:
        half = x.shape[1] // 2
        x = torch.cat([times(x[:, :half], x[:, half : 2 * half]), x[:, 2 * half :]], dim=1)
    return x[:, 0]
