"""The probability that one of some proofs applies: their disjunction, compiled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neurosym.errors import SemanticsError
from neurosym.semantics.exact.circuit import Circuit
from neurosym.semantics.exact.shape import Literals, Shape
from neurosym.semantics.exact.solve import _Solver
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
        circuit = self.circuit.to(columns.device)
        return circuit(columns[self.leaves.to(columns.device)])[0]


def compiled(shape: Shape, max_nodes: int) -> Circuit | None:
    """The circuit of a shape's only root; None if it grew past the limit."""
    try:
        return _Solver(shape, max_nodes).solve().circuit
    except SemanticsError as error:
        if error.code != "NS520":
            raise
        return None


def union(layout: Layout, proofs: Iterable[Proof], max_nodes: int = MAX_NODES) -> Union | None:
    """Compile the disjunction of some proofs; None if that takes too many nodes."""
    shape, leaves = _shape(layout, [sorted(proof) for proof in proofs])
    circuit = compiled(shape, max_nodes)
    return None if circuit is None else Union(circuit, torch.tensor(leaves, dtype=torch.long))


def _shape(layout: Layout, proofs: Sequence[Sequence[tuple[int, Pattern]]]) -> tuple[Shape, list[int]]:
    """A fact that holds where one of the proofs applies, and the leaves that these rest on.

    Each proof is added to a fact of its own, `u2 :- u1. u2 :- proof2.`, because the compiler looks at its limit
    after each fact.
    """
    groundings: list[tuple[Literals, ...]] = [()]
    leaf: list[tuple[int, int] | None] = [None]
    outcomes: list[int] = []
    other: list[bool] = []
    leaves: list[int] = []
    first: dict[int, int] = {}  # choice → the fact of its first leaf
    known: dict[tuple[int, Pattern], Literals] = {}
    for choice in sorted({c for proof in proofs for c, _ in proof}):
        values = layout.leaf[layout.choice_start[choice] : layout.choice_start[choice + 1]].tolist()
        real = [f for f in values if f != OTHER]
        first[choice] = len(groundings)
        groundings += [()] * len(real)
        leaf += [(len(outcomes), k) for k in range(len(real))]
        outcomes.append(len(real))
        other.append(len(real) < len(values))
        leaves += real

    def literals(choice: int, pattern: Pattern) -> Literals:
        start, count = first[choice], outcomes[leaf[first[choice]][0]]  # pyright: ignore[reportOptionalSubscript]
        inside = tuple(start + k for k in range(count) if pattern[k])
        if len(pattern) == count or pattern[-1]:  # then it is enough that none of the others holds
            outside = tuple(~(start + k) for k in range(count) if not pattern[k])
            return inside if len(inside) == 1 and len(pattern) == count else outside
        if len(inside) == 1:
            return inside
        groundings.append(tuple((x,) for x in inside))
        leaf.append(None)
        return (len(groundings) - 1,)

    before: tuple[Literals, ...] = ()
    for number, proof in enumerate(proofs):
        for pair in proof:
            if pair not in known:
                known[pair] = literals(*pair)
        bodies = (*before, tuple(x for pair in proof for x in known[pair]))
        if number == len(proofs) - 1:
            groundings[0] = bodies
        else:
            before = ((len(groundings),),)
            groundings.append(bodies)
            leaf.append(None)
    return Shape(tuple(groundings), tuple(leaf), tuple(outcomes), tuple(other), (0,), ()), leaves
