"""The probability that one of some proofs applies: their disjunction, compiled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neurosym.errors import SemanticsError
from neurosym.semantics.diagrams import Body, Shape
from neurosym.semantics.exact import Circuit, circuit_of
from neurosym.semantics.topk.layout import OTHER, Layout
from neurosym.semantics.topk.products import Pattern

MAX_NODES = 50_000  # of a disjunction's diagram, after which the sum over disjoint cells has to do
Proof = frozenset[tuple[int, Pattern]]  # for each choice it needs, which values are allowed


@dataclass(frozen=True)
class Union:
    """The disjunction of some proofs, ready to be evaluated.

    Attributes:
        leaves: (L,) fact ids of the circuit's inputs.
    """

    circuit: Circuit
    leaves: Tensor

    def __call__(self, columns: Tensor) -> Tensor:
        """(B,) probabilities from the (F, B) probabilities of the leaves."""
        return self.circuit(columns[self.leaves.to(columns.device)])[0]


def union(layout: Layout, proofs: Iterable[Proof], max_nodes: int = MAX_NODES) -> Union | None:
    """Compile the disjunction of some proofs; None if that takes too many nodes."""
    shape, leaves = _shape(layout, [sorted(proof) for proof in proofs])
    try:
        circuit = circuit_of(shape, max_nodes)
    except SemanticsError as error:
        if error.code != "NS520":
            raise
        return None
    return Union(circuit, torch.tensor(leaves, dtype=torch.long))


def _shape(layout: Layout, proofs: Sequence[Sequence[tuple[int, Pattern]]]) -> tuple[Shape, list[int]]:
    """A fact that holds where one of the proofs applies, and the leaves that these rest on."""
    number: dict[int, int] = {}
    sizes: list[int] = []
    other: list[bool] = []
    leaves: list[int] = []
    for choice in sorted({c for proof in proofs for c, _ in proof}):
        values = layout.leaf[layout.choice_start[choice] : layout.choice_start[choice + 1]].tolist()
        real = [f for f in values if f != OTHER]
        number[choice] = len(number)
        sizes.append(len(real))
        other.append(len(real) < len(values))
        leaves += real
    bodies = tuple(
        Body(tuple((number[c], sum(1 << k for k, held in enumerate(p) if held)) for c, p in proof), ())
        for proof in proofs
    )
    return Shape((bodies,), (0,), (False,), tuple(sizes), tuple(other), (Body((), (0,)),)), leaves
