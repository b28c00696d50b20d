"""Facts for which sums and products cannot be proved right: decision diagrams, read off as nodes of a circuit.

The outcomes of a choice exclude one another, and what is below a branch speaks of other choices than the node itself,
so that the probability of a node is the sum of its branches' probabilities times what is below them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from neurosym.grounding.compiled import load
from neurosym.semantics.diagrams import Diagram, Shape, compile_shape
from neurosym.semantics.exact.circuit import Circuit, CircuitBuilder
from neurosym.semantics.part import Long


@dataclass(frozen=True)
class Solution:
    """A compiled shape: nodes over its choices' outcomes, numbered choice by choice, then the constant one.

    Attributes:
        kinds, sizes, children: new nodes, see `CircuitBuilder.extend`; roots: references.
        choices: how many the formulas may speak of; nodes: of the diagram.
    """

    kinds: np.ndarray
    sizes: Long
    children: Long
    roots: Long
    choices: int
    nodes: int


Solutions: TypeAlias = dict[bytes, Solution]
"""Solved shapes by their digests."""


def compiled(shape: Shape, max_nodes: int) -> Solution:
    """The circuit of a shape.

    Raises:
        SemanticsError: NS520, its diagram grew past the limit.
    """
    return _read_off(shape, compile_shape(shape, max_nodes))


def circuit_of(shape: Shape, max_nodes: int) -> Circuit:
    """The circuit of a shape by itself: its leaves are the choices' outcomes, its outputs the roots.

    Raises:
        SemanticsError: NS520, its diagram grew past the limit.
    """
    solution = compiled(shape, max_nodes)
    builder = CircuitBuilder(sum(shape.sizes))
    builder.extend(solution.kinds, solution.sizes, solution.children)
    return builder.build(solution.roots)


def _read_off(shape: Shape, diagram: Diagram) -> Solution:
    """A sum for what is left of each choice where it has several outcomes, and a decision for each node."""
    leaf_start = np.cumsum([0, *shape.sizes])
    order = np.array(diagram.order, np.int64)
    sizes, other = np.array(shape.sizes, np.int64)[order], np.array(shape.other, bool)[order]
    kinds, counts, children, roots = load("neurosym.semantics.exact.compile_kernels").read_off(
        leaf_start[order], sizes, other, int(leaf_start[-1]), diagram.level, diagram.start, diagram.child, diagram.roots
    )
    return Solution(kinds, counts, children, roots, len(diagram.order), len(diagram.level))
